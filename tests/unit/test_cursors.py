"""Cursors: opaque, bound to their query, and harmless when somebody alters them."""

import base64
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attachments.cursors import decode_cursor, encode_cursor
from attachments.errors import InvalidCursorError

# Any text that can be written down: a lone surrogate cannot.
text = st.text(st.characters(exclude_categories=["Cs"]))
positions = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=100)
queries = st.dictionaries(text, st.none() | text, max_size=4)


@given(position=positions, query=queries)
def test_a_cursor_gives_its_position_back(position: str, query: dict[str, str | None]) -> None:
    cursor = encode_cursor(position, query)
    assert cursor is not None
    assert decode_cursor(cursor, query) == position
    assert decode_cursor(cursor, dict(reversed(query.items()))) == position


@given(position=positions, query=queries)
def test_a_cursor_needs_no_escaping_in_a_url(position: str, query: dict[str, str | None]) -> None:
    cursor = encode_cursor(position, query) or ""
    assert cursor
    assert all(c.isascii() and (c.isalnum() or c in "-_") for c in cursor)


@given(position=positions, query=queries, other=queries)
def test_a_cursor_of_another_query_is_refused(
    position: str, query: dict[str, str | None], other: dict[str, str | None]
) -> None:
    assume(query != other)
    with pytest.raises(InvalidCursorError) as refused:
        decode_cursor(encode_cursor(position, query), other)
    assert list(refused.value.fields) == ["cursor"]


@given(position=positions, at=st.integers(min_value=0), letter=st.sampled_from("ABCxyz019-_%=é"))
def test_an_altered_cursor_never_gives_another_position(
    position: str, at: int, letter: str
) -> None:
    query = {"message": "m"}
    cursor = encode_cursor(position, query) or ""
    at %= len(cursor)
    altered = cursor[:at] + letter + cursor[at + 1 :]
    try:
        found = decode_cursor(altered, query)
    except InvalidCursorError:
        return
    assert found == position


@given(cursor=st.text())
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, {"message": "m"})


@pytest.mark.parametrize(
    "content", [None, 7, "text", [], ["one"], [1, "seal"], ["a", "b", "c"], {"a": 1}, ["a", None]]
)
def test_other_json_in_a_cursor_is_refused(content: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, {})


def test_a_deeply_nested_cursor_is_refused() -> None:
    cursor = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, {})


def test_the_first_page_has_no_position_and_the_last_no_cursor() -> None:
    assert decode_cursor(None, {}) is None
    assert encode_cursor(None, {}) is None


def test_a_missing_value_is_not_an_empty_one() -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor("p", {"type": None}), {"type": ""})


@pytest.mark.parametrize("position", ["", "\ud800", "a b", "x" * 101, "2026-11-20é"])
def test_a_forged_position_that_no_page_ends_at_is_refused(position: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(encode_cursor(position, {}), {})
