"""One frame, decoded and made small by ffmpeg in the sandbox, taken over as plain pixels.

The pixels come wrapped in the simplest PNG there is (one filterless image, stored), because it
says its own size: what a stream claims of its size is not to be trusted for slicing memory.
Only this module reads it; no image library ever sees a byte that was not made here.
"""

import re
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.inspect_upload.boundaries import input_options
from functions.inspect_upload.range_server import HEAD_BYTES
from functions.inspect_upload.sandbox import Sandbox

WIDTH_MAX = 320
HEIGHT_MAX = 960  # a very tall picture becomes narrower than 320 instead of endless
STDOUT_MAX = WIDTH_MAX * HEIGHT_MAX * 4 + 64 * 1024
LOOK_AHEAD_S = "10"  # how much of a damaged video is searched for a frame that decodes
READ_ON_MS = 3000
# OGG has no index: to seek is to guess around in all of the file. AVI has it at the end, where it
# arrives last. To read on from the beginning is quicker in both; in AVI as far as what is fetched
# anyway, for there all of one stream may lie before the other.
READ_ON = {"ogg": (), "avi": ("-seekable", "0", "-end_offset", str(HEAD_BYTES))}
SIGNATURE = b"\x89PNG\r\n\x1a\n"

# As shown: pixel aspect applied, kept in proportion, never enlarged. ffmpeg has rotated before.
SHRINK = f"min(1,min({WIDTH_MAX}/(iw*sar),{HEIGHT_MAX}/ih))"
SCALE = f"scale=w='max(1,round(iw*sar*{SHRINK}))':h='max(1,round(ih*{SHRINK}))':flags=area"


@dataclass(frozen=True, slots=True)
class Frame:
    """`mode` is RGB or RGBA, 8 bits a channel, row by row; `at_ms` is the instant that it shows."""

    pixels: bytes
    width: int
    height: int
    mode: str
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from; `turn` is a filter that turns what ffmpeg does not by itself.

    A `still` picture may be transparent, and is turned by `turn` alone.
    """

    url: str
    demuxer: str
    sandbox: Sandbox
    fragmented: bool = False
    turn: str = ""
    still: bool = False


def draw(source: Source, at_ms: int, *, deadline_s: float) -> Frame | None:
    """The first frame at or after `at_ms`; None if none decodes. Raises SandboxError."""
    ends = time.monotonic() + deadline_s
    if source.demuxer in READ_ON and at_ms <= READ_ON_MS:
        # `-ss` as an option of the output would shrink all frames that it drops.
        trim = f"trim=start={at_ms / 1000:.3f},"
        frame = _decode(source, READ_ON[source.demuxer], trim, deadline_s=deadline_s)
        if frame or source.demuxer == "ogg":
            return frame
    seek = ("-ss", f"{at_ms / 1000:.3f}") if at_ms else ()
    frame = _decode(source, seek, "", deadline_s=max(ends - time.monotonic(), 0.05))
    return replace(frame, at_ms=at_ms + frame.at_ms) if frame else None


def _decode(
    source: Source, beginning: Sequence[str], trim: str, *, deadline_s: float
) -> Frame | None:
    """The first frame that decodes behind `beginning` and that `trim` lets through.

    Frames that no other builds on are passed over, which halves the decoding: it may be the next.
    """
    limits = ("-t", LOOK_AHEAD_S) if not source.still else ("-noautorotate",)
    pixels = "rgba" if source.still else "rgb24"
    arguments = [
        *("-nostdin", "-v", "fatal", "-hide_banner"),
        *input_options(source.demuxer, fragmented=source.fragmented),
        # The decoder finds out by itself what ffmpeg would decode some frames to tell it.
        *("-nofind_stream_info", "-skip_frame", "noref"),
        *("-threads", "2", *beginning, *limits, "-i", source.url),
        *("-map", "0:V:0", "-an", "-sn", "-dn", "-map_metadata", "-1", "-frames:v", "1"),
        *("-vf", f"{trim}{source.turn}{SCALE},format={pixels}"),
        *("-fps_mode", "passthrough"),
        *("-stats_enc_pre", "pipe:2", "-stats_enc_pre_fmt", "at={ti} or={t}"),
        *("-c:v", "png", "-pred", "none", "-compression_level", "0", "-threads:v", "1"),
        *("-f", "image2pipe", "pipe:1"),
    ]
    result = source.sandbox.run("ffmpeg", arguments, deadline_s=deadline_s, stdout_max=STDOUT_MAX)
    frame = unpack(result.stdout)
    return replace(frame, at_ms=_instant_ms(result.stderr)) if frame else None


def _instant_ms(stderr: str) -> int:
    """The frame's time, counted from where reading began.

    As the container gave it, else (AVI times only what is decoded in order) as the decoder did.
    """
    found = re.search(r"(?:at|or)=(\d{1,7}(?:\.\d{1,9})?)(?![\d.e])", stderr)
    return round(float(found[1]) * 1000) if found else 0


def unpack(png: bytes) -> Frame | None:
    """The frame in a PNG without filters (PNG specification, sections 9 and 11).

    None for anything else: it may come from a program that hostile bytes have taken over.
    """
    if not png.startswith(SIGNATURE) or len(png) < 33:
        return None
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    mode = {2: "RGB", 6: "RGBA"}.get(colour)
    if not (0 < width <= WIDTH_MAX and 0 < height <= HEIGHT_MAX and depth == 8 and mode):
        return None
    row = 1 + len(mode) * width
    try:
        rows = zlib.decompressobj().decompress(_image_data(png), row * height)
    except zlib.error:
        return None
    if len(rows) != row * height or any(rows[::row]):
        return None
    pixels = b"".join(rows[at + 1 : at + row] for at in range(0, len(rows), row))
    return Frame(pixels, width, height, mode)


def _image_data(png: bytes) -> bytes:
    """The content of the IDAT chunks; checksums do not matter between two of our programs."""
    parts, at = [], 8
    while at + 12 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            parts.append(png[at + 8 : at + 8 + length])
        at += 12 + length
    return b"".join(parts)
