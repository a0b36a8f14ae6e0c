"""Under which type and name a file is handed out."""

import re
from email.message import Message as Headers
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attachments.declared import clean_file_name
from attachments.errors import InvalidRequestError
from attachments.model import Attachment, Status
from attachments.serving import content_disposition, thumbnail_url
from functions.serve_attachments.downloads import INLINE_MIME_TYPES, download_url
from tests.builders import in_state, pending
from tests.fakes import MemoryStorage

HEADER = re.compile(r"(inline|attachment); filename=\"([^\"\\]*)\"; filename\*=UTF-8''(\S*)")


def ready(**changes: str) -> Attachment:
    return in_state(pending(**changes), Status.READY)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize("mime_type", sorted(INLINE_MIME_TYPES))
def test_media_opens_in_place_under_its_own_type(mime_type: str) -> None:
    query = query_of(download_url(ready(mime_type=mime_type), MemoryStorage(), seconds=60))
    assert query["response-content-type"] == mime_type
    assert query["response-content-disposition"].startswith("inline; ")


@pytest.mark.parametrize(
    "mime_type", ["text/html", "image/svg+xml", "application/pdf", "video/x-flv", "text/plain"]
)
def test_everything_else_is_saved_under_a_harmless_type(mime_type: str) -> None:
    query = query_of(download_url(ready(mime_type=mime_type), MemoryStorage(), seconds=60))
    assert query["response-content-type"] == "application/octet-stream"
    assert query["response-content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    "mime_type",
    ["text/html", "image/svg+xml", "application/xml", "text/plain", "application/pdf",
     "application/javascript", "application/xhtml+xml", "text/css"],
)  # fmt: skip
def test_nothing_that_can_run_a_script_opens_in_place(mime_type: str) -> None:
    assert mime_type not in INLINE_MIME_TYPES


def test_a_download_is_of_the_inspected_version_for_its_time() -> None:
    attachment = ready()
    url = download_url(attachment, MemoryStorage(), seconds=77)
    assert attachment.version is not None
    assert query_of(url)["versionId"] == attachment.version.version_id
    assert query_of(url)["X-Amz-Expires"] == "77"
    assert urlsplit(url).path == f"/{attachment.upload_key}"


def test_a_thumbnail_is_a_jpeg_shown_in_place() -> None:
    attachment = ready()
    url = thumbnail_url(attachment, MemoryStorage(), seconds=77)
    assert url is not None
    assert attachment.thumbnail is not None
    assert urlsplit(url).path == f"/{attachment.thumbnail.key}"
    assert query_of(url)["response-content-type"] == "image/jpeg"
    assert query_of(url)["response-content-disposition"] == "inline"


def test_without_a_thumbnail_there_is_no_url() -> None:
    assert thumbnail_url(pending(), MemoryStorage(), seconds=60) is None


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("my file-1_a.mp4", "my file-1_a.mp4"),
        ('"; x="\r\nSet-Cookie: a=b', "__ x____Set-Cookie_ a_b"),
        ("back\\slash", "back_slash"),
        ("a;b,c%20.mp4", "a_b_c_20.mp4"),
        ("über.mp4", "_ber.mp4"),
        ("🎬.mp4", "_.mp4"),
        ("\u202eevil.mp4", "_evil.mp4"),
        ("١٢٣.mp4", "___.mp4"),
    ],
)
def test_a_hostile_name_stays_a_name(name: str, plain: str) -> None:
    match = HEADER.fullmatch(content_disposition(name, inline=False))
    assert match is not None
    assert match[2] == plain
    assert unquote(match[3]) == name


@given(name=st.text(st.characters(exclude_categories=["Cs"])), inline=st.booleans())
def test_any_name_makes_one_well_formed_header(name: str, inline: bool) -> None:
    header = content_disposition(name, inline=inline)
    match = HEADER.fullmatch(header)
    assert match is not None
    assert header.isascii()
    assert header.isprintable()
    assert match[1] == ("inline" if inline else "attachment")
    # RFC 8187, section 3.2.1: attr-char or percent-encoded.
    assert re.fullmatch(r"([A-Za-z0-9._~-]|%[0-9A-F]{2})*", match[3])


@given(name=st.text(min_size=1))
def test_other_parsers_read_the_same_name(name: str) -> None:
    try:
        cleaned = clean_file_name(name)
    except InvalidRequestError:
        return
    # That parser takes the first of the two names, so it gets the true one alone.
    header = re.sub(r'filename="[^"]*"; ', "", content_disposition(cleaned, inline=False))
    headers = Headers()
    headers["Content-Disposition"] = header
    assert headers.get_filename() == cleaned
