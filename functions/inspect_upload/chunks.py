"""The layout of AVI (RIFF, OpenDML 1.02) and OGG (RFC 3533): is the file whole?"""

from functions.inspect_upload.structure import Bytes, Structure, TruncatedError

RIFFS_MAX = 64  # OpenDML adds one RIFF for each gigabyte
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # written by recorders that could not seek back


def read_avi(source: Bytes) -> Structure:
    """Raises TruncatedError if a RIFF chunk reaches beyond the end."""
    at = 0
    for _ in range(RIFFS_MAX):
        header = source.read(at, 12)
        if header[:4] != b"RIFF" or len(header) < 12:
            break
        size = int.from_bytes(header[4:8], "little")
        if size in UNKNOWN_SIZES:
            break
        if at + 8 + size > source.size:
            raise TruncatedError
        at += 8 + size + size % 2
    return Structure(streamable=True)


def place_of_index(beginning: bytes, size: int) -> range | None:
    """What follows the frames (`LIST movi`): `idx1`, by which AVI is sought in."""
    at = 12
    while at + 12 <= len(beginning):
        end = at + 8 + int.from_bytes(beginning[at + 4 : at + 8], "little")
        if beginning[at : at + 4] == b"LIST" and beginning[at + 8 : at + 12] == b"movi":
            return range(end, size) or None
        at = end + end % 2
    return None


def read_ogg(source: Bytes) -> Structure:
    """Raises TruncatedError if the last page reaches beyond the end."""
    tail = source.tail
    at = tail.rfind(b"OggS")
    if at < 0:
        raise TruncatedError
    lacing = tail[at + 27 : at + 27 + tail[at + 26]] if at + 26 < len(tail) else b""
    whole = at + 26 < len(tail) and len(lacing) == tail[at + 26]
    if not whole or at + 27 + len(lacing) + sum(lacing) > len(tail):
        raise TruncatedError
    return Structure(streamable=True)
