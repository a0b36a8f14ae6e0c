"""Two kinds of file in one: what the bytes are found to be decides how S3 hands them out."""

import io
import zipfile
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.inspect_upload.findings import Accepted
from functions.serve_attachments.downloads import HARMLESS, download_url
from tests.builders import NOON, VERSION, pending
from tests.fakes import MemoryStorage
from tests.media.clips import H264, clip, picture

Accept = Callable[..., Accepted]
SCRIPT = b"<html><script>alert(document.domain)</script></html>"


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.html", SCRIPT.decode())
    return data.getvalue()


def mp4_with_a_page() -> bytes:
    """A page in a `free` box (ISO/IEC 14496-12, section 8.1.2), which players pass over."""
    box = (len(SCRIPT) + 8).to_bytes(4, "big") + b"free" + SCRIPT
    return clip("mp4", *picture(1.5), *H264) + box


def image(head: bytes) -> bytes:
    return head + b"\x10\0\x10\0" + b"\0" * 8


SAVED = (HARMLESS, "attachment")
SERVED = {
    "MP4 and HTML": (mp4_with_a_page, ("video/mp4", "inline")),
    "PDF and script": (lambda: b"%PDF-1.7\n" + SCRIPT, SAVED),
    "PDF behind a page": (lambda: SCRIPT + b"%PDF-1.7\n", SAVED),
    "ZIP and GIF": (lambda: archive() + image(b"GIF89a"), SAVED),
    "GIF and ZIP": (lambda: image(b"GIF89a") + archive(), ("image/gif", "inline")),
    "GIF and HTML": (lambda: image(b"GIF89a") + SCRIPT, ("image/gif", "inline")),
    "GIF and JavaScript": (lambda: image(b"GIF89a") + b"=1;alert(1)", ("image/gif", "inline")),
    "HTML": (lambda: SCRIPT, SAVED),
    "HTML behind a comment": (lambda: b"<!-- GIF89a -->" + SCRIPT, SAVED),
    "HTML behind a byte order mark": (lambda: b"\xef\xbb\xbf" + SCRIPT, SAVED),
    "HTML in UTF-16": (lambda: SCRIPT.decode().encode("utf-16"), SAVED),
    "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", SAVED),
    "XML": (lambda: b"<?xml version='1.0'?><?xml-stylesheet href='x.xsl'?><a/>", SAVED),
    "shell script": (lambda: b"#!/bin/sh\nrm -rf ~\n", SAVED),
    "JavaScript": (lambda: b"alert(document.domain)\n", SAVED),
    "executable": (lambda: b"MZ\x90\0\x03\0\0\0" + SCRIPT, SAVED),
    "page in rubbish": (lambda: b"\x00\x9c\xff\x07" * 100 + SCRIPT, SAVED),
}


@pytest.mark.parametrize("declared", ["text/html", "image/png", "video/mp4"])
@pytest.mark.parametrize("name", SERVED)
def test_a_polyglot_opens_in_place_only_as_the_media_that_it_is(
    name: str, declared: str, accept: Accept
) -> None:
    make, (mime_type, disposition) = SERVED[name]
    finding = accept(make(), file=True, declared=declared)
    ready = pending(file_name="holiday.html", mime_type=declared).ready(
        version=VERSION,
        uploaded_at=NOON,
        file_type=finding.file_type,
        mime_type=finding.mime_type,
        media=finding.media,
        thumbnail=None,
        placeholder=None,
    )
    query = parse_qs(urlsplit(download_url(ready, MemoryStorage(), seconds=60)).query)
    assert query["response-content-type"] == [mime_type]
    assert query["response-content-disposition"][0].startswith(f"{disposition}; ")
