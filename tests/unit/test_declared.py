"""Names and declared types, as clients send them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attachments.declared import (
    MAX_NAME_BYTES,
    clean_file_name,
    mime_essence,
    require_video,
)
from attachments.errors import InvalidRequestError, UnsupportedTypeError
from attachments.file_types import type_of
from attachments.model import FileType


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("🎬 Ferien über.mp4", "🎬 Ferien über.mp4"),
        ("U\u0308ber.mp4", "\u00dcber.mp4"),
        ("C:\\Users\\me\\clip.mov", "clip.mov"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b.mp4", "ab.mp4"),
        ("gpj.\u202e4pm.exe", "gpj.4pm.exe"),
        ("zero\u200bwidth\u2028.mp4", "zerowidth.mp4"),
        ('"; x="\r\nSet-Cookie: a=b.mp4', '"; x="Set-Cookie: a=b.mp4'),
        ("  .hidden.  ", "hidden"),
        ("\u3000 a b.mp4\xa0.", "a b.mp4"),
        ("x" * MAX_NAME_BYTES, "x" * MAX_NAME_BYTES),
    ],
)
def test_a_name_is_cleaned(sent: str, shown: str) -> None:
    assert clean_file_name(sent) == shown


@pytest.mark.parametrize("sent", ["", " ", "...", "a/", "\x00\x1f", "\u202e", "\xa0", "x" * 256])
def test_a_name_that_is_empty_or_too_long_is_refused(sent: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        clean_file_name(sent)
    assert list(refused.value.fields) == ["file_name"]


@given(st.text())
def test_no_name_keeps_a_folder_or_an_invisible_character(sent: str) -> None:
    try:
        name = clean_file_name(sent)
    except InvalidRequestError:
        return
    assert 0 < len(name) <= MAX_NAME_BYTES
    assert "/" not in name
    assert "\\" not in name
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert clean_file_name(name) == name


@pytest.mark.parametrize(
    ("sent", "essence"),
    [
        ("video/mp4", "video/mp4"),
        (' Video/MP4 ; codecs="avc1"', "video/mp4"),
        ("application/vnd.ms-excel.sheet.macroEnabled.12",) * 2,
    ],
)
def test_a_type_is_reduced_to_its_essence(sent: str, essence: str) -> None:
    assert mime_essence(sent) == essence.lower()


@pytest.mark.parametrize(
    "sent",
    ["", "video", "video/", "/mp4", "video/mp4/x", "video /mp4", "vidéo/mp4", "a/b\r\nX: y", "*/*",
     "x" * 65 + "/y"],
)  # fmt: skip
def test_what_is_no_type_is_refused(sent: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        mime_essence(sent)
    assert list(refused.value.fields) == ["mime_type"]


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.mp4", "video/mp4"),
        ("a.WebM", "video/webm"),
        ("a.ogg", "video/ogg"),
        ("a.ogv", "video/ogg"),
        ("a.mov", "video/quicktime"),
        ("a.avi", "video/x-msvideo"),
        ("a.mkv", "video/x-matroska"),
    ],
)
def test_the_six_formats_are_videos(name: str, mime_type: str) -> None:
    require_video(name, mime_type)
    assert type_of(mime_type) is FileType.VIDEO


@pytest.mark.parametrize(
    ("name", "mime_type", "fields"),
    [
        ("a.exe", "video/mp4", {"file_name"}),
        ("a.mp4.html", "video/mp4", {"file_name"}),
        ("mp4", "video/mp4", {"file_name"}),
        ("a.mp4", "text/html", {"mime_type"}),
        ("a.mp4", "video/x-flv", {"mime_type"}),
        ("a.flv", "video/x-flv", {"file_name", "mime_type"}),
    ],
)
def test_anything_else_is_no_video_and_every_wrong_field_is_named(
    name: str, mime_type: str, fields: set[str]
) -> None:
    with pytest.raises(UnsupportedTypeError) as refused:
        require_video(name, mime_type)
    assert set(refused.value.fields) == fields
