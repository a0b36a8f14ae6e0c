"""Compiled code without what only linkers and debuggers read.

ELF specification, "Program Header": what a process maps is named by the program headers alone.
Wheels carry symbols, debugging sections and gaps besides: Pillow more of these than of code.
"""

import struct
from dataclasses import dataclass, replace

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: both architectures of Lambda
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PHOFF, SHOFF, PHNUM, SHNUM, SHSTRNDX = 5, 6, 10, 12, 13
LOAD = 1
PAGE = 64 * 1024  # the largest page of either architecture


@dataclass(frozen=True)
class Segment:
    """A program header, its fields in their order."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    align: int

    FORM = struct.Struct("<IIQQQQQQ")

    def __bytes__(self) -> bytes:
        return self.FORM.pack(
            *(self.kind, self.flags, self.offset, self.address),
            *(self.physical, self.file_size, self.memory_size, self.align),
        )


def segments(content: bytes) -> list[Segment]:
    """The program headers; none of what is no ELF file of this kind."""
    if not content.startswith(MAGIC):
        return []
    header = HEADER.unpack_from(content)
    table = content[header[PHOFF] :][: header[PHNUM] * Segment.FORM.size]
    return [Segment(*fields) for fields in Segment.FORM.iter_unpack(table)]


def mapped_part(content: bytes) -> bytes:
    """The same file with what is mapped, close together, and no table of sections.

    What is no ELF file of this kind comes back as it is.
    """
    old = segments(content)
    loads = sorted((one for one in old if one.kind == LOAD), key=lambda one: one.offset)
    if not loads:
        return content
    packed, moved = b"", dict[Segment, int]()
    for load in loads:
        # A page of the file becomes a page of memory: both begin at the same place in it.
        gap = (load.address - len(packed)) % min(load.align, PAGE)
        moved[load] = len(packed) + gap if packed else load.offset
        packed = packed.ljust(moved[load], b"\0")
        packed += content[load.offset : load.offset + load.file_size]
    header = list(HEADER.unpack_from(content))
    header[PHOFF] = _moved(header[PHOFF], moved)
    header[SHOFF] = header[SHNUM] = header[SHSTRNDX] = 0
    table = b"".join(
        bytes(replace(one, offset=_moved(one.offset, moved), align=min(one.align, PAGE)))
        for one in old
    )
    result = bytearray(packed)
    result[: HEADER.size] = HEADER.pack(*header)
    result[header[PHOFF] : header[PHOFF] + len(table)] = table
    return bytes(result)


def _moved(offset: int, loads: dict[Segment, int]) -> int:
    """Where a byte of the file is now; one that is not mapped (a segment without content) stays."""
    for load, place in loads.items():
        if load.offset <= offset < load.offset + load.file_size:
            return offset - load.offset + place
    return offset
