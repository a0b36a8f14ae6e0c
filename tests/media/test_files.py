"""Everything else: the bytes decide, and the declared type only where they are silent."""

import io
import zipfile
from collections.abc import Callable

import pytest

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted
from tests.media.clips import H264, clip, picture

Accept = Callable[..., Accepted]
Refuse = Callable[..., str]

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return data.getvalue()


def office(folder: str) -> bytes:
    return zipped(**{"[Content_Types].xml": "<Types/>", f"{folder}/document.xml": "<x/>"})


OTHERS = {
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "application/pdf", FileType.DOCUMENT),
    "Word": (office("word"), OFFICE + "wordprocessingml.document", FileType.DOCUMENT),
    "Excel": (office("xl"), OFFICE + "spreadsheetml.sheet", FileType.DOCUMENT),
    "ODT": (
        zipped(mimetype="application/vnd.oasis.opendocument.text", content="x"),
        "application/vnd.oasis.opendocument.text",
        FileType.DOCUMENT,
    ),
    "ZIP": (zipped(a="x"), "application/zip", FileType.OTHER),
    "text": ("Grüße\n".encode(), "text/plain", FileType.DOCUMENT),
    "HTML": (b"<!-- x --><!DOCTYPE html><p>", "text/html", FileType.OTHER),
    "SVG": (b"<?xml version='1.0'?><svg onload='x()'/>", "image/svg+xml", FileType.OTHER),
    "XML": (b"<?xml version='1.0'?><a/>", "application/xml", FileType.OTHER),
    "script": (b"#!/bin/sh\nrm -rf /\n", "text/x-script", FileType.OTHER),
    "gzip": (b"\x1f\x8b\x08\0rest", "application/gzip", FileType.OTHER),
    "ELF": (b"\x7fELF\x02\x01", "application/x-executable", FileType.OTHER),
    "EXE": (
        b"MZ\x90\0\x03\0\0\0",
        "application/vnd.microsoft.portable-executable",
        FileType.OTHER,
    ),
    "HLS": (b"#EXTM3U\nhttp://x/", "application/vnd.apple.mpegurl", FileType.OTHER),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("declared", ["image/png", "video/mp4", "text/plain"])
def test_a_file_is_what_its_bytes_are(name: str, declared: str, accept: Accept) -> None:
    data, mime_type, file_type = OTHERS[name]
    finding = accept(data, file=True, declared=declared)
    assert (finding.mime_type, finding.file_type) == (mime_type, file_type)
    assert finding.picture is None


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_refused_as_a_video_by_name(name: str, refuse: Refuse) -> None:
    assert "not a video" in refuse(OTHERS[name][0])


@pytest.mark.parametrize(
    ("declared", "recorded"),
    [
        ("application/acad", "application/acad"),
        ("application/x-thing; charset=x", "application/x-thing"),
        ("video/mp4", "application/octet-stream"),
        ("image/png", "application/octet-stream"),
        ("text/html", "application/octet-stream"),
        ("application/javascript", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("a/b\r\nSet-Cookie: x", "application/octet-stream"),
    ],
)
def test_of_unknown_bytes_only_a_harmless_declaration_stays(
    declared: str, recorded: str, accept: Accept
) -> None:
    finding = accept(b"\x00\x9c\xff\x07" * 100, file=True, declared=declared)
    assert (finding.mime_type, finding.file_type) == (recorded, FileType.OTHER)


def test_a_video_sent_as_a_file_is_a_video(accept: Accept) -> None:
    data = clip("mp4", *picture(1.5), *H264)
    finding = accept(data, file=True, declared="application/pdf")
    assert (finding.file_type, finding.mime_type) == (FileType.VIDEO, "video/mp4")
    assert finding.picture is not None


@pytest.mark.parametrize(
    ("head", "recorded"),
    [
        (zipped(a="x") + b"GIF89a", "application/zip"),
        (b"GIF89a" + b"\x10\0\x10\0" + b"\0" * 8 + zipped(a="x"), "image/gif"),
        (b"%PDF-1.7\n<script>alert(1)</script>", "application/pdf"),
    ],
)
def test_a_polyglot_is_what_it_begins_as(head: bytes, recorded: str, accept: Accept) -> None:
    assert accept(head, file=True, declared="text/html").mime_type == recorded
