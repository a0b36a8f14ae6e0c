"""What the first bytes say a file is."""

import struct

import pytest

from functions.inspect_upload.sniff import Kind, sniff


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">I4s4sI", 16 + len(brands), b"ftyp", major, 0) + brands


def ebml(doctype: bytes) -> bytes:
    content = b"\x42\x86\x81\x01\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(content)]) + content + bytes(32)


def ogg_page(packet: bytes, *, first: bool = True) -> bytes:
    header = b"OggS\0" + bytes([2 if first else 0]) + bytes(20) + bytes([1, len(packet)])
    return header + packet


THEORA = ogg_page(b"\x80theora" + bytes(35))
VORBIS = ogg_page(b"\x01vorbis" + bytes(23))
ADTS = b"\xff\xf1\x50\x80\x01\x7f\xfc" + bytes(4)

HEADS = {
    "mp4": (ftyp(b"isom", b"iso2", b"mp41"), "video/mp4"),
    "3gp": (ftyp(b"3gp4"), "video/mp4"),
    "mov": (ftyp(b"qt  "), "video/quicktime"),
    "mov without ftyp": (struct.pack(">I4s", 8, b"wide") + bytes(16), "video/quicktime"),
    "m4a": (ftyp(b"M4A "), "audio/mp4"),
    "avif": (ftyp(b"avif", b"mif1"), "image/avif"),
    "avif by brand": (ftyp(b"mif1", b"avif"), "image/avif"),
    "heic": (ftyp(b"heic", b"mif1"), "image/heic"),
    "webm": (ebml(b"webm"), "video/webm"),
    "mkv": (ebml(b"matroska"), "video/x-matroska"),
    "ebml of another kind": (ebml(b"other"), "application/octet-stream"),
    "theora": (THEORA, "video/ogg"),
    "sound before video": (VORBIS + THEORA, "video/ogg"),
    "sound alone": (VORBIS + ogg_page(b"data", first=False), "audio/ogg"),
    "avi": (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
    "wav": (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
    "webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    "riff of another kind": (b"RIFF\0\0\0\0ACONanih", "application/octet-stream"),
    "mp3": (b"\xff\xfb\x90\x64" + bytes(20), "audio/mpeg"),
    "mp3 with a tag": (b"ID3\x04\0\0\0\0\0\x05" + bytes(5) + b"\xff\xfb\x90\x64", "audio/mpeg"),
    "flac with a tag": (b"ID3\x04\0\0\0\0\0\x05" + bytes(5) + b"fLaC" + bytes(4), "audio/flac"),
    "aac": (ADTS + ADTS, "audio/aac"),
    "no second aac frame": (ADTS + b"text" * 9, "application/octet-stream"),
    "tar": (bytes(257) + b"ustar\0" + bytes(200), "application/x-tar"),
    "transport stream": ((b"G" + bytes(187)) * 3, "video/mp2t"),
    "utf-16 text": ("\ufeffHello".encode("utf-16-le"), "text/plain"),
    "svg in xml": (b"\xef\xbb\xbf<?xml?>\n<!-- x -->\n<SVG>", "image/svg+xml"),
    "php": (b"  <?php system('x');", "text/x-script"),
    "binary": (bytes(range(256)), "application/octet-stream"),
    "nothing": (b"", "application/octet-stream"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_type_is_told_by_its_first_bytes(name: str) -> None:
    head, mime_type = HEADS[name]
    assert sniff(head).mime_type == mime_type


@pytest.mark.parametrize("name", HEADS)
def test_every_beginning_of_a_head_is_survived(name: str) -> None:
    head, _ = HEADS[name]
    for length in range(len(head)):
        assert sniff(head[:length]).mime_type


def test_only_what_a_demuxer_reads_is_a_movie() -> None:
    for head, _ in HEADS.values():
        found = sniff(head)
        assert (found.kind is Kind.MOVIE) <= (found.demuxer is not None)


@pytest.mark.parametrize("text", [b"#EXTM3U\n", b"ffconcat version 1.0\n", b"v=0\r\n", b"<MPD>"])
def test_a_playlist_reaches_no_demuxer(text: bytes) -> None:
    assert sniff(text).demuxer is None
