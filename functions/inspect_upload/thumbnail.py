"""The thumbnail ladder: which instant of a video stands for it.

One second in; half of a clip that is shorter; else the first frame that decodes. A blank or
nearly black frame sends us on to later instants, as long as time and bytes last; when all are
dark, the one with the most to see is taken.
"""

import time
from dataclasses import dataclass, replace

from functions.inspect_upload.frame import Frame, Source, draw
from functions.inspect_upload.picture import interest, is_blank
from functions.inspect_upload.sandbox import SandboxFloodError, SandboxTimeoutError

FIRST_MS = 1000
LADDER_DEADLINE_S = 4.5  # all attempts together
ATTEMPTS_MAX = 6
NOTHING_DECODES = "No picture of this video could be decoded."
OUT_OF_TIME = "No picture of this video could be decoded in time."
TURNS = {90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame, or the reason why there is none."""

    frame: Frame | None
    note: str | None = None


class Ladder:
    """Begins before anything is known of the video; ends when ffprobe has told its duration."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ends = time.monotonic() + LADDER_DEADLINE_S
        self._seen: dict[int, Frame | None] = {}
        self._timed_out = False

    def first(self) -> None:
        """The attempt that is right for nearly every video."""
        self._attempt(FIRST_MS)

    def finish(self, duration_ms: int | None, *, tagged_rotation: int) -> Shot:
        """Moves on from what `first` found, if it has to."""
        if tagged_rotation:
            self._source = replace(self._source, turn=TURNS[tagged_rotation])
            self._seen.clear()
        for at_ms in candidates(duration_ms, anything=bool(self._frames())):
            if self._good() or len(self._seen) >= ATTEMPTS_MAX:
                break
            self._attempt(at_ms)
        frame = max(self._frames(), key=interest, default=None)
        if frame is not None:
            return Shot(frame)
        return Shot(None, OUT_OF_TIME if self._timed_out else NOTHING_DECODES)

    def _attempt(self, at_ms: int) -> None:
        left = self._ends - time.monotonic()
        if at_ms in self._seen or left <= 0.05:
            return
        try:
            self._seen[at_ms] = draw(self._source, at_ms, deadline_s=left)
        except (SandboxTimeoutError, SandboxFloodError):
            self._seen[at_ms] = None
            self._timed_out = True

    def _frames(self) -> list[Frame]:
        return [frame for frame in self._seen.values() if frame is not None]

    def _good(self) -> bool:
        return any(not is_blank(frame) for frame in self._frames())


def candidates(duration_ms: int | None, *, anything: bool) -> tuple[int, ...]:
    """Instants worth trying, in milliseconds, best first; `anything`: one gave a frame before."""
    if duration_ms is None:
        return (3000, 0) if anything else (0, 3000)
    if duration_ms <= FIRST_MS:
        return (duration_ms // 2, 0, duration_ms * 9 // 10)
    later = (3000, duration_ms // 10, duration_ms // 3, duration_ms * 2 // 3)
    spread = (FIRST_MS, *later) if anything else (FIRST_MS, 0, *later[1:])
    return tuple(dict.fromkeys(at for at in spread if at < duration_ms))
