"""The other types that people send: a table of signatures, archives by what they hold, and text.

Everything that a browser could run (HTML, SVG, XML, scripts) is recognised as itself, so that
nothing of the kind is ever stored under a harmless name.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signature:
    """`family` is "document", "image" or "other"; `name` completes "This is …"."""

    mime_type: str
    name: str
    family: str = "other"


PDF = Signature("application/pdf", "a PDF document", "document")
RTF = Signature("application/rtf", "an RTF document", "document")
OLE = Signature("application/x-ole-storage", "an old Office document", "document")
EPUB = Signature("application/epub+zip", "an EPUB book", "document")
ZIP = Signature("application/zip", "a ZIP archive")
HTML = Signature("text/html", "an HTML page")
SVG = Signature("image/svg+xml", "an SVG drawing")
XML = Signature("application/xml", "an XML file")
SCRIPT = Signature("text/x-script", "a script")
PLAYLIST = Signature("application/vnd.apple.mpegurl", "an HLS playlist")
TEXT = Signature("text/plain", "a text file", "document")

_OFFICE = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
ZIPPED = (
    (b"word/", Signature(_OFFICE + "wordprocessingml.document", "a Word document", "document")),
    (b"xl/", Signature(_OFFICE + "spreadsheetml.sheet", "an Excel workbook", "document")),
    (b"ppt/", Signature(_OFFICE + "presentationml.presentation", "a presentation", "document")),
)
OPEN_DOCUMENT = {
    _ODF + "text": "an OpenDocument text",
    _ODF + "spreadsheet": "an OpenDocument spreadsheet",
    _ODF + "presentation": "an OpenDocument presentation",
}

MAGIC: tuple[tuple[bytes, Signature], ...] = (
    (b"%PDF-", PDF),
    (b"{\\rtf", RTF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"\x1f\x8b", Signature("application/gzip", "a gzip archive")),
    (b"BZh", Signature("application/x-bzip2", "a bzip2 archive")),
    (b"\xfd7zXZ\0", Signature("application/x-xz", "an xz archive")),
    (b"\x28\xb5\x2f\xfd", Signature("application/zstd", "a Zstandard archive")),
    (b"7z\xbc\xaf\x27\x1c", Signature("application/x-7z-compressed", "a 7-Zip archive")),
    (b"Rar!\x1a\x07", Signature("application/vnd.rar", "a RAR archive")),
    (b"\x7fELF", Signature("application/x-executable", "a Linux program")),
    (b"MZ", Signature("application/vnd.microsoft.portable-executable", "a Windows program")),
    (b"\xcf\xfa\xed\xfe", Signature("application/x-mach-binary", "a macOS program")),
    (b"\xca\xfe\xba\xbe", Signature("application/x-mach-binary", "a macOS or Java program")),
    (b"\0asm", Signature("application/wasm", "a WebAssembly program")),
    (b"SQLite format 3\0", Signature("application/vnd.sqlite3", "an SQLite database")),
    (b"wOFF", Signature("font/woff", "a font")),
    (b"wOF2", Signature("font/woff2", "a font")),
    (b"OTTO", Signature("font/otf", "a font")),
    (b"\0\1\0\0\0", Signature("font/ttf", "a font")),
    (b"II*\0", Signature("image/tiff", "a TIFF image", "image")),
    (b"MM\0*", Signature("image/tiff", "a TIFF image", "image")),
    (b"8BPS", Signature("image/vnd.adobe.photoshop", "a Photoshop image", "image")),
    (b"\0\0\1\0", Signature("image/x-icon", "an icon", "image")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Signature("video/x-ms-asf", "a Windows Media file")),
    (b"FLV\x01", Signature("video/x-flv", "a Flash video")),
    (b"\0\0\1\xba", Signature("video/mpeg", "an MPEG program stream")),
    (b"\0\0\1\xb3", Signature("video/mpeg", "an MPEG video")),
    (b"#!AMR", Signature("audio/amr", "an AMR audio file")),
    (b"MThd", Signature("audio/midi", "a MIDI file")),
)

# Beginnings of text, after white space, in lower case.
TEXTS: tuple[tuple[bytes, Signature], ...] = (
    (b"#!", SCRIPT),
    (b"<?php", SCRIPT),
    (b"#extm3u", PLAYLIST),
    (b"ffconcat", Signature("text/plain", "an ffconcat playlist")),
    (b"v=0", Signature("application/sdp", "an SDP session description")),
    (b"[playlist]", Signature("audio/x-scpls", "a playlist")),
    (b"begin:vcard", Signature("text/vcard", "a contact card", "document")),
    (b"begin:vcalendar", Signature("text/calendar", "a calendar file", "document")),
)
MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe", b"<meta", b"<a ")
TEXT_BYTES = bytes(set(range(0x20, 0x100)) - {0x7F} | {0x09, 0x0A, 0x0C, 0x0D, 0x1B})


def match(head: bytes) -> Signature | None:
    """The type that the first bytes show, or None."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(head)
    if head[257:262] == b"ustar":
        return Signature("application/x-tar", "a tar archive")
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return Signature("video/mp2t", "an MPEG transport stream")
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return Signature("audio/aiff", "an AIFF audio file")
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return Signature("image/bmp", "a BMP image", "image")
    found = next((signature for magic, signature in MAGIC if head.startswith(magic)), None)
    return found or _text(head)


def _archive(head: bytes) -> Signature:
    """Office files are ZIP archives, told apart by the names within (OPC; ODF 1.3, part 2)."""
    if head[30:38] == b"mimetype":
        content = 38 + int.from_bytes(head[28:30], "little")
        size = min(int.from_bytes(head[18:22], "little"), 80)
        return _from_mimetype_file(head[content : content + size])
    names = head[: 256 * 1024]
    if b"[Content_Types].xml" in names:
        return next((signature for folder, signature in ZIPPED if folder in names), ZIP)
    return ZIP


def _from_mimetype_file(content: bytes) -> Signature:
    mime_type = content.decode("latin-1")
    if mime_type == EPUB.mime_type:
        return EPUB
    name = OPEN_DOCUMENT.get(mime_type)
    return Signature(mime_type, name, "document") if name else ZIP


def _text(head: bytes) -> Signature | None:
    sample = head[:4096]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        sample = sample.replace(b"\0", b"")[2:]
    sample = sample.removeprefix(b"\xef\xbb\xbf")
    if sample.translate(None, TEXT_BYTES):
        return None
    start = sample.lstrip().lower()
    found = next((signature for magic, signature in TEXTS if start.startswith(magic)), None)
    return found or (_markup(start) if start.startswith(b"<") else TEXT)


def _markup(start: bytes) -> Signature:
    if b"<svg" in start:
        return SVG
    if any(tag in start for tag in MARKUP):
        return HTML
    if start.startswith((b"<mpd", b"<?xml")) and b"<mpd" in start:
        return Signature("application/dash+xml", "a DASH manifest")
    return XML
