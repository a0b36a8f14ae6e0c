"""One line a step with the elapsed time; the end of the log when a step fails."""

import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LINES_SHOWN_ON_FAILURE = 30
SECONDS_BETWEEN_COUNTS = 10

Counter = Callable[[str], tuple[int, int] | None]


class BuildError(Exception):
    """The layer cannot be built; the message is for the person who ran the build."""


class Progress:
    """Tells what happens on one stream, and keeps everything the tools said in a log file."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        elapsed = int(time.monotonic() - self._started)
        print(f"[{elapsed // 60:d}:{elapsed % 60:02d}] {text}", file=sys.stderr, flush=True)

    def run(
        self,
        title: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        counter: Counter | None = None,
    ) -> None:
        """Run one tool. `counter` reads (done, total) out of a line of its output.

        Raises BuildError with the last lines of the tool's output if it fails.
        """
        self.say(title)
        tail: deque[str] = deque(maxlen=LINES_SHOWN_ON_FAILURE)
        told = time.monotonic()
        with (
            self._log.open("a") as log,
            subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            print(f"\n== {title}: {' '.join(command)}", file=log)
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                tail.append(line)
                count = counter(line) if counter else None
                if count and time.monotonic() - told >= SECONDS_BETWEEN_COUNTS:
                    told = time.monotonic()
                    done, total = count
                    self.say(f"  {title}: {done} of {total} ({100 * done // max(total, 1)} %)")
        if process.returncode:
            raise BuildError(
                f"{''.join(tail)}\n{title} failed with exit code {process.returncode}; "
                f"these are the last lines, the full log is {self._log}"
            )


def ninja_counter(line: str) -> tuple[int, int] | None:
    """ninja tells by itself: `[12/345] Compiling ...`."""
    match = re.match(r"\[(\d+)/(\d+)\]", line)
    return (int(match[1]), int(match[2])) if match else None


def make_counter(total: int) -> Counter:
    """Counts the lines with which FFmpeg's Makefile announces a command: `CC<tab>file`."""
    done = 0

    def count(line: str) -> tuple[int, int] | None:
        nonlocal done
        if not re.match(r"[A-Z0-9]+\t", line):
            return None
        done += 1
        return min(done, total), total

    return count
