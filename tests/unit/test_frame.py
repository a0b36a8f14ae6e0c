"""Pixels that come out of the sandbox: taken only if they are exactly what was asked for."""

import struct
import zlib

import pytest

from functions.inspect_upload.frame import Frame, unpack


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + bytes(4)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


ROWS = b"\0abcdef\0ghijkl"


def test_pixels_come_out_row_by_row() -> None:
    assert unpack(png(2, 2, ROWS)) == Frame(b"abcdefghijkl", 2, 2, "RGB")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a" + bytes(100),
        png(2, 2, ROWS)[:40],
        png(2, 2, ROWS[:-1]),
        png(2, 2, b"\1abcdef\0ghijkl"),
        png(2, 2, ROWS, depth=16),
        png(2, 2, ROWS, colour=3),
        png(0, 2, ROWS),
        png(321, 1, bytes(1 + 321 * 3)),
        png(1, 961, bytes(961 * 4)),
        png(2, 2, ROWS).replace(b"IDAT", b"IXXX"),
    ],
)
def test_anything_else_is_no_picture(data: bytes) -> None:
    assert unpack(data) is None


def test_a_decompression_bomb_is_cut_off() -> None:
    frame = unpack(png(2, 2, ROWS + bytes(50_000_000)))
    assert frame is None or len(frame.pixels) == 12
