"""Taking generated files apart, to damage them in a place that is known."""

import struct


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    """The top-level boxes of an MP4: kind, start, end."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        found.append((data[at + 4 : at + 8], at, at + size))
        at += size
    return found


def box_of(data: bytes, kind: bytes) -> tuple[int, int]:
    """Start and end of the first top-level box of a kind."""
    return next((start, end) for found, start, end in boxes(data) if found == kind)


def resized(data: bytes, kind: bytes, size: int) -> bytes:
    """The file with another size declared by one of its boxes."""
    start, _ = box_of(data, kind)
    return data[:start] + struct.pack(">I", size) + data[start + 4 :]


def rewritten(data: bytes, kind: bytes, offset: int, replacement: bytes) -> bytes:
    """The file with bytes replaced, counted from the first occurrence of a box's name."""
    at = data.index(kind) + 4 + offset
    return data[:at] + replacement + data[at + len(replacement) :]


def without_webm_duration(data: bytes) -> bytes:
    """A WebM whose Info declares a hundred hours."""
    at = data.index(b"\x44\x89\x88") + 3
    return data[:at] + struct.pack(">d", 360_000_000.0) + data[at + 8 :]
