"""Taking an intact file apart into boxes, elements, chunks, pages, segments, blocks or frames.

Written apart from the readers of the function, which are what is tested. It reads only files that
were made here, so that it may be strict: anything unexpected is an error of the generator.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Order = Literal["big", "little", "ebml", "synchsafe"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file: its header is data[start:body], its content data[body:end].

    Its header declares `size` in `size_bytes` bytes at `size_at` (0 bytes: it declares none).
    `is_data` says that its content is sound or picture, not description.
    """

    name: str
    start: int
    body: int
    end: int
    size_at: int = 0
    size_bytes: int = 0
    size: int = 0
    order: Order = "big"
    parents: tuple["Part", ...] = ()
    is_data: bool = False

    @property
    def path(self) -> str:
        return "/".join(part.name for part in (*self.parents, self))


def parts(family: str, data: bytes) -> list[Part]:
    """All parts in the order of their starts, parents before children."""
    return list(GRAMMARS[family](data))


def with_size(data: bytes, part: Part, size: int) -> bytes:
    """The file with another size declared by a part, cut to the width that there is for it."""
    at, length = part.size_at, part.size_bytes
    if part.order == "ebml":
        mask = (1 << 7 * length) - 1
        field = (1 << 7 * length | size & mask).to_bytes(length, "big")
    elif part.order == "synchsafe":
        field = bytes(size >> shift & 0x7F for shift in range(7 * (length - 1), -1, -7))
    else:
        field = (size & (1 << 8 * length) - 1).to_bytes(length, part.order)
    return data[:at] + field + data[at + length :]


# ISO/IEC 14496-12. How far behind the header the children begin.
CHILDREN_AT = {
    **dict.fromkeys(
        [
            "moov",
            "trak",
            "mdia",
            "minf",
            "stbl",
            "dinf",
            "edts",
            "mvex",
            "moof",
            "traf",
            "mfra",
            "iprp",
            "ipco",
            "udta",
        ],
        0,
    ),
    **dict.fromkeys(("stsd", "dref"), 8),
    **dict.fromkeys(("avc1", "av01"), 78),
    "mp4a": 28,
}


def _boxes(data: bytes) -> Iterator[Part]:
    yield from _boxes_within(data, 0, len(data), ())


def _boxes_within(data: bytes, at: int, end: int, parents: tuple[Part, ...]) -> Iterator[Part]:
    while at + 8 <= end:
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("latin")
        assert 8 <= size <= end - at, (name, size, at)
        box = Part(name, at, at + 8, at + size, at, 4, size, "big", parents, name == "mdat")
        yield box
        skip = _children_at(data, box)
        if skip is not None:
            yield from _boxes_within(data, box.body + skip, box.end, (*parents, box))
        at += size


def _children_at(data: bytes, box: Part) -> int | None:
    if box.name == "meta":  # QuickTime's has no version and flags
        return 0 if data[box.body + 4 : box.body + 8] == b"hdlr" else 4
    if box.name == "mp4a" and data[box.body + 9] == 1:  # QuickTime's sound description, version 1
        return 44
    if box.name == "mp4a" and (not box.parents or box.parents[-1].name != "stsd"):
        return None
    if box.name == "udta" and box.end - box.body < 16:
        return None
    return CHILDREN_AT.get(box.name)


# RFC 9559
MASTERS = {
    0x1A45DFA3: "EBML",
    0x18538067: "Segment",
    0x114D9B74: "SeekHead",
    0x4DBB: "Seek",
    0x1549A966: "Info",
    0x1654AE6B: "Tracks",
    0xAE: "TrackEntry",
    0xE0: "Video",
    0xE1: "Audio",
    0x1F43B675: "Cluster",
    0xA0: "BlockGroup",
    0x1C53BB6B: "Cues",
    0xBB: "CuePoint",
    0xB7: "CueTrackPositions",
    0x1254C367: "Tags",
    0x7373: "Tag",
    0x63C0: "Targets",
    0x67C8: "SimpleTag",
}
BLOCKS = {0xA3: "SimpleBlock", 0xA1: "Block"}
BLOCK_HEADER_BYTES = 4  # track number, timestamp and flags: no data


def _elements(data: bytes) -> Iterator[Part]:
    yield from _elements_within(data, 0, len(data), ())


def _elements_within(data: bytes, at: int, end: int, parents: tuple[Part, ...]) -> Iterator[Part]:
    while at < end:
        size_at = at + 9 - data[at].bit_length()
        length = 9 - data[size_at].bit_length()
        mask = (1 << 7 * length) - 1
        size = int.from_bytes(data[size_at : size_at + length], "big") & mask
        identity, body = int.from_bytes(data[at:size_at], "big"), size_at + length
        name = MASTERS.get(identity) or BLOCKS.get(identity) or f"{identity:X}"
        stop = _open_end(data, body, end, name) if size == mask else body + size
        assert stop <= end, (name, at, size)
        content = body + BLOCK_HEADER_BYTES if identity in BLOCKS else body
        yield (
            element := Part(
                name,
                at,
                content,
                stop,
                size_at,
                length,
                size,
                "ebml",
                parents,
                identity in BLOCKS,
            )
        )
        if identity in MASTERS:
            yield from _elements_within(data, body, stop, (*parents, element))
        at = stop


def _open_end(data: bytes, body: int, end: int, name: str) -> int:
    """RFC 9559, section 6.2: a cluster of unknown size ends where the next one begins."""
    found = data.find(b"\x1f\x43\xb6\x75", body, end) if name == "Cluster" else -1
    return found if found >= 0 else end


def _chunks(data: bytes) -> Iterator[Part]:
    yield from _chunks_within(data, 0, len(data), ())


def _chunks_within(data: bytes, at: int, end: int, parents: tuple[Part, ...]) -> Iterator[Part]:
    """RIFF; lists have a form type behind their header, and begin anew."""
    while at + 8 <= end:
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        is_list = kind in (b"RIFF", b"LIST")
        name = data[at + 8 : at + 12].decode() if is_list else kind.decode()
        stop = min(at + 8 + size + size % 2, end)
        is_data = name[2:] in ("dc", "wb", "8 ", "8L") or name in ("data", "VP8 ", "VP8L")
        body = at + (12 if is_list else 18 if kind == b"VP8 " else 8)  # 10 of them: the frame's
        chunk = Part(name, at, body, stop, at + 4, 4, size, "little", parents, is_data)
        yield chunk
        if is_list:
            yield from _chunks_within(data, body, stop, (*parents, chunk))
        at = stop


def _pages(data: bytes) -> Iterator[Part]:
    """RFC 3533. The size is the number of lacing values; pages with a position hold data."""
    at = number = 0
    while at < len(data):
        assert data[at : at + 4] == b"OggS", at
        count = data[at + 26]
        body = at + 27 + count
        end = body + sum(data[at + 27 : body])
        is_data = int.from_bytes(data[at + 6 : at + 14], "little") > 0
        yield Part(f"page {number}", at, body, end, at + 26, 1, count, "big", (), is_data)
        at, number = end, number + 1


def _segments(data: bytes) -> Iterator[Part]:
    """ITU-T T.81, annex B."""
    yield Part("SOI", 0, 2, 2)
    at = 2
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        yield Part(f"marker {data[at + 1]:02X}", at, at + 4, at + 2 + size, at + 2, 2, size)
        at += 2 + size
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    yield Part("SOS", at, at + 4, at + 2 + size, at + 2, 2, size)
    yield Part("scan", at + 2 + size, at + 2 + size, len(data) - 2, is_data=True)
    yield Part("EOI", len(data) - 2, len(data), len(data))


def _png(data: bytes) -> Iterator[Part]:
    yield Part("signature", 0, 8, 8)
    at = 8
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode()
        end = at + 12 + size
        yield Part(name, at, at + 8, end, at, 4, size, is_data=name == "IDAT")
        at = end


def _gif(data: bytes) -> Iterator[Part]:
    """GIF89a. Blocks of data are chains of up to 255 bytes each, ended by an empty one."""
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    yield Part("screen", 0, 13, at)
    while data[at] != 0x3B:
        if data[at] == 0x21:
            name, body = f"extension {data[at + 1]:02X}", at + 2
        else:
            flags = data[at + 9]
            name, body = "image", at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        blocks, end = _blocks(data, body)
        whole = Part(name, at, body, end)
        yield whole
        for start, size in blocks:
            yield Part(
                "block",
                start,
                start + 1,
                start + 1 + size,
                start,
                1,
                size,
                parents=(whole,),
                is_data=name == "image" and size > 0,
            )
        at = end
    yield Part("trailer", at, at + 1, at + 1)


def _blocks(data: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
    found = []
    while True:
        found.append((at, data[at]))
        at += 1 + data[at]
        if not found[-1][1]:
            return found, at


KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
HERTZ = (44100, 48000, 32000)


def _frames(data: bytes) -> Iterator[Part]:
    """MPEG-1 layer III (ISO/IEC 11172-3, section 2.4.2.3) behind an ID3v2 tag."""
    size = sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    at = 10 + size
    yield Part("ID3", 0, 10, at, 6, 4, size, "synchsafe")
    number = 0
    while at < len(data):
        assert data[at : at + 2] == b"\xff\xfb", at
        kbps, hertz = KBPS[data[at + 2] >> 4], HERTZ[data[at + 2] >> 2 & 3]
        end = at + 144 * kbps * 1000 // hertz + (data[at + 2] >> 1 & 1)
        # What says how long it is are the bitrate, the sampling rate and the padding, in one byte.
        yield Part(f"frame {number}", at, at + 4, end, at + 2, 1, data[at + 2], is_data=number > 0)
        at, number = end, number + 1


def _flac(data: bytes) -> Iterator[Part]:
    """RFC 9639: the metadata blocks; the frames, which have no size, are one part."""
    yield Part("signature", 0, 4, 4)
    at, last = 4, False
    while not last:
        last, size = bool(data[at] & 0x80), int.from_bytes(data[at + 1 : at + 4], "big")
        yield Part(f"metadata {data[at] & 0x7F}", at, at + 4, at + 4 + size, at + 1, 3, size)
        at += 4 + size
    yield Part("frames", at, at, len(data), is_data=True)


GRAMMARS: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "boxes": _boxes,
    "elements": _elements,
    "chunks": _chunks,
    "pages": _pages,
    "segments": _segments,
    "png": _png,
    "gif": _gif,
    "frames": _frames,
    "flac": _flac,
}
