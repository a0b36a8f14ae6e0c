"""What the first bytes say a file is. Names and declared types are never asked.

The order is the order of certainty: containers and pictures by their magic numbers, then the
table of other signatures, then text by what it begins with, then MP3 and AAC, whose frame
headers are short enough to appear by accident.
"""

from dataclasses import dataclass
from enum import StrEnum

from functions.inspect_upload import signatures


class Kind(StrEnum):
    """Which inspector a file belongs to."""

    MOVIE = "movie"  # a container for video and sound; it may hold sound alone
    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sniffed:
    """`name` completes "This is …"; `demuxer` is FFmpeg's name of the only one that may read it."""

    kind: Kind
    mime_type: str
    name: str
    demuxer: str | None = None


MP4 = Sniffed(Kind.MOVIE, "video/mp4", "an MP4 file", "mov")
M4A = Sniffed(Kind.MOVIE, "audio/mp4", "an M4A file", "mov")
MOV = Sniffed(Kind.MOVIE, "video/quicktime", "a MOV file", "mov")
WEBM = Sniffed(Kind.MOVIE, "video/webm", "a WebM file", "matroska")
MKV = Sniffed(Kind.MOVIE, "video/x-matroska", "an MKV file", "matroska")
OGG = Sniffed(Kind.MOVIE, "video/ogg", "an OGG file", "ogg")
OGG_AUDIO = Sniffed(Kind.MOVIE, "audio/ogg", "an OGG file", "ogg")
AVI = Sniffed(Kind.MOVIE, "video/x-msvideo", "an AVI file", "avi")

JPEG = Sniffed(Kind.IMAGE, "image/jpeg", "a JPEG image", "jpeg_pipe")
PNG = Sniffed(Kind.IMAGE, "image/png", "a PNG image", "png_pipe")
GIF = Sniffed(Kind.IMAGE, "image/gif", "a GIF image", "gif")
WEBP = Sniffed(Kind.IMAGE, "image/webp", "a WebP image", "webp_anim")
AVIF = Sniffed(Kind.IMAGE, "image/avif", "an AVIF image", "mov")
HEIC = Sniffed(Kind.IMAGE, "image/heic", "a HEIC image")

MP3 = Sniffed(Kind.AUDIO, "audio/mpeg", "an MP3 audio file", "mp3")
WAV = Sniffed(Kind.AUDIO, "audio/wav", "a WAV audio file", "wav")
FLAC = Sniffed(Kind.AUDIO, "audio/flac", "a FLAC audio file", "flac")
AAC = Sniffed(Kind.AUDIO, "audio/aac", "an AAC audio file", "aac")

EMPTY = Sniffed(Kind.OTHER, "application/octet-stream", "an empty file")
UNKNOWN = Sniffed(Kind.OTHER, "application/octet-stream", "a file of an unknown type")

QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\0", b"\x01video", b"\x80daala")


def sniff(head: bytes) -> Sniffed:
    """What the file is, from its first bytes (64 KiB are plenty, 16 the least that is useful)."""
    if not head:
        return EMPTY
    for look in (_isobmff, _ebml, _ogg, _riff, _picture, _table, _mpeg_audio):
        if found := look(head):
            return found
    return UNKNOWN


def _isobmff(head: bytes) -> Sniffed | None:
    """ISO/IEC 14496-12, section 4.3: `ftyp` and its brands; QuickTime files may have none."""
    kind = head[4:8]
    if kind in QUICKTIME_ATOMS and len(head) >= 16:
        return MOV if head[:4] != b"\0\0\0\0" or kind == b"mdat" else None
    if kind != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), 512)
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, size, 4))}
    if major == b"qt  ":
        return MOV
    if major in (b"M4A ", b"M4B ", b"M4P "):
        return M4A
    if brands & {b"avif", b"avis"}:
        return AVIF
    if major in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"):
        return HEIC
    return MP4


def _ebml(head: bytes) -> Sniffed | None:
    """RFC 8794, section 11.2: the DocType (0x4282) within the EBML header."""
    if head[:4] != b"\x1a\x45\xdf\xa3":
        return None
    at = head.find(b"\x42\x82", 4, 128)
    doctype = head[at + 3 : at + 3 + (head[at + 2] & 0x7F)] if 0 < at < len(head) - 3 else b""
    return {b"webm": WEBM, b"matroska": MKV}.get(doctype.rstrip(b"\0"))


def _ogg(head: bytes) -> Sniffed | None:
    """RFC 3533, section 6: every stream begins with a page of its own that names its codec."""
    if head[:4] != b"OggS":
        return None
    at = 0
    for _ in range(64):
        page = head[at : at + 27]
        if page[:4] != b"OggS" or len(page) < 27 or not page[5] & 2:
            break
        lacing = head[at + 27 : at + 27 + page[26]]
        packet = at + 27 + page[26]
        if head.startswith(OGG_VIDEO, packet):
            return OGG
        at = packet + sum(lacing)
    return OGG_AUDIO


def _riff(head: bytes) -> Sniffed | None:
    if head[:4] not in (b"RIFF", b"RF64"):
        return None
    return {b"AVI ": AVI, b"WAVE": WAV, b"WEBP": WEBP}.get(head[8:12])


def _picture(head: bytes) -> Sniffed | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    return FLAC if head.startswith(b"fLaC") else None


def _table(head: bytes) -> Sniffed | None:
    found = signatures.match(head)
    if found is None:
        return None
    kind = {"document": Kind.DOCUMENT, "image": Kind.IMAGE}.get(found.family, Kind.OTHER)
    return Sniffed(kind, found.mime_type, found.name)


def _mpeg_audio(head: bytes) -> Sniffed | None:
    """MP3 and ADTS AAC, behind an ID3 tag (id3.org, ID3v2, section 3.1) or bare."""
    start = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        size = sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
        )
        start = 10 + size
        if start + 4 > len(head):
            return MP3  # a large cover picture lies between; nothing but MP3 is usual here
        if head.startswith(b"fLaC", start):
            return FLAC
    frame = head[start : start + 7]
    if len(frame) < 7 or frame[0] != 0xFF:
        return MP3 if head[:3] == b"ID3" else None
    if frame[1] & 0xF6 == 0xF0:
        return AAC if _adts_repeats(head, start) else None
    layer, bitrate, rate = frame[1] >> 1 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    plain = frame[1] & 0xE0 == 0xE0 and frame[1] >> 3 & 3 != 1 and layer == 1
    return MP3 if plain and bitrate not in (0, 15) and rate != 3 else None


def _adts_repeats(head: bytes, start: int) -> bool:
    """ISO/IEC 13818-7, section 6.2: the frame length leads to another sync word."""
    length = (head[start + 3] & 3) << 11 | head[start + 4] << 3 | head[start + 5] >> 5
    following = head[start + length : start + length + 2]
    return length > 7 and (
        len(following) < 2 or (following[0] == 0xFF and following[1] & 0xF6 == 0xF0)
    )
