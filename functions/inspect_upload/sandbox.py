"""The one door to subprocesses: hostile bytes are parsed behind it.

A program gets an argument list, an empty environment, no descriptor but its three, the root
folder as its place, its own session, limits (see `launcher`), and a system call filter (see
`syscall_filter`). At its deadline, or when it says too much, it and everything that it started
are killed, and `run` returns only when they are gone.
"""

import ctypes
import os
import select
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

KIB = 1024
MIB = 1024 * KIB

STDERR_EXCERPT_CHARS = 500
KILL_GRACE_S = 5.0
PIPE_BYTES = 64 * KIB

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = (
    "import sys; sys.path.append(sys.argv[2]); "
    "from functions.inspect_upload.launcher import main; main()"
)
PR_SET_DUMPABLE = 4  # linux/prctl.h


class SandboxError(Exception):
    """A program could not be run to its end."""


class SandboxTimeoutError(SandboxError):
    """It was still running at its deadline, and was killed."""


class SandboxFloodError(SandboxError):
    """It wrote more than it may, and was killed."""


@dataclass(frozen=True, slots=True)
class Result:
    """`exit_code` is negative for a signal; `peak_rss_bytes` includes some 10 MB before exec."""

    stdout: bytes
    stderr: str
    exit_code: int
    peak_rss_bytes: int
    cpu_s: float


def hide_credentials() -> None:
    """Close this process's memory and environment to other processes of its user.

    Lambda hands the function its AWS credentials as environment variables, and a program that
    it starts runs as the same user, who may read /proc/<pid>/environ and mem, or trace. A
    process that is not dumpable denies all three, and its core dumps, to everyone without
    CAP_SYS_PTRACE (prctl(2), PR_SET_DUMPABLE; proc(5); ptrace(2), "access mode checking"): so
    to sandboxed programs even when all is run by root, because they have no capabilities.
    It does not cover what else holds credentials, such as a file in the home folder, or the
    Lambda runtime's other processes. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, *(ctypes.c_ulong(0) for _ in range(4))) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Sandbox:
    """Runs the programs in `tools`; safe to use from several threads at once.

    The launcher is started here already, so that it is ready when the first file comes. It
    ends with this object, or with this process, however that ends.
    """

    def __init__(self, tools: Path) -> None:
        self._tools = tools.absolute()
        self._lock = Lock()
        self._launcher = _Launcher()

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        deadline_s: float,
        stdout_max: int = 1 * MIB,
        stderr_max: int = 16 * KIB,
        stdin: bytes | None = None,
        niceness: int = 0,
    ) -> Result:
        """Run one program to its end; a non-zero exit is a result, not an error.

        `niceness` (nice(2)) is for what others should not wait for.
        Raises SandboxTimeoutError, SandboxFloodError, or SandboxError when it cannot be run.
        """
        with ExitStack() as stack:
            run = _Run(program, stack, deadline_s, stdout_max, stderr_max, stdin)
            called = [str(self._tools / program), *arguments]
            command = [str(niceness), str(self._file_of(program)), *called]
            self._start(command, run.their_ends)
            run.follow()
            return run.result()

    def _file_of(self, program: str) -> Path:
        """Its own file; else the deployed layer's only one, which is any program by its name."""
        own = self._tools / program
        return own if own.exists() else self._tools / "ffmpeg"

    def close(self) -> None:
        """End the launcher, and with it what still runs; otherwise garbage collection does it."""
        self._launcher.close()

    def _start(self, command: list[str], descriptors: list[int]) -> None:
        """Hand the niceness, the command and its ends of the pipes to the launcher."""
        message = "\0".join(command).encode()
        try:
            with self._lock:
                try:
                    self._launcher.send(message, descriptors)
                except (BrokenPipeError, ConnectionResetError):  # somebody killed it
                    self._launcher.close()
                    self._launcher = _Launcher()
                    self._launcher.send(message, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


class _Launcher:
    """The process of `launcher`, and the socket by which it is asked."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Lambda's interpreter finds its own library by LD_LIBRARY_PATH.
        environment = {k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"}
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own code
                [sys.executable, "-I", "-S", "-c", LAUNCHER, str(theirs.fileno()), str(ROOT)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C in a terminal is for us
                cwd="/",
            )
        self._socket = ours
        self.close = weakref.finalize(self, _end, ours, process)

    def send(self, message: bytes, descriptors: list[int]) -> None:
        socket.send_fds(self._socket, [message], descriptors)


def _end(control: socket.socket, launcher: subprocess.Popen[bytes]) -> None:
    control.close()
    with suppress(subprocess.TimeoutExpired):
        launcher.wait(KILL_GRACE_S)


class _Run:
    """Our ends of one program's pipes, and of its socket at the launcher."""

    def __init__(
        self,
        program: str,
        stack: ExitStack,
        deadline_s: float,
        stdout_max: int,
        stderr_max: int,
        stdin: bytes | None,
    ) -> None:
        self._program = program
        self._deadline_s = deadline_s
        self._until = time.monotonic() + deadline_s
        self._complaint: tuple[type[SandboxError], str] | None = None
        self._end: bytes | None = None
        their_stdin, self._stdin = os.pipe()
        self._stdout, their_stdout = os.pipe()
        self._stderr, their_stderr = os.pipe()
        self._launcher, at_launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.their_ends = [their_stdin, their_stdout, their_stderr, at_launcher.detach()]
        self._open = {self._stdin, self._stdout, self._stderr}
        self._heard = {self._stdout, self._stderr}
        stack.enter_context(self._launcher)
        stack.callback(self._close_pipes)
        self._unsent = memoryview(stdin or b"")
        self._said = {self._stdout: bytearray(), self._stderr: bytearray()}
        self._most = {self._stdout: stdout_max, self._stderr: stderr_max}
        self._poll = select.poll()
        self._poll.register(self._launcher, select.POLLIN)
        for descriptor, event in (
            (self._stdin, select.POLLOUT),
            (self._stdout, select.POLLIN),
            (self._stderr, select.POLLIN),
        ):
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, event)

    def follow(self) -> None:
        """Feed and read the program until it and its kin are gone."""
        while self._end is None:
            patience_s = max(self._until - time.monotonic(), 0)
            for descriptor, _ in self._poll.poll(patience_s * 1000):
                if descriptor == self._launcher.fileno():
                    self._end = self._launcher.recv(4 * KIB)
                elif descriptor == self._stdin:
                    self._write()
                else:
                    self._read(descriptor)
            if self._end is None and time.monotonic() >= self._until:
                if self._complaint:
                    self._complaint = (SandboxError, "could not be killed")
                    return
                self._kill(SandboxTimeoutError, f"was still running after {self._deadline_s:g} s")
        for descriptor in (self._stdout, self._stderr):
            while self._read(descriptor):
                pass

    def result(self) -> Result:
        """What the ended program did; raises as `Sandbox.run` does."""
        stderr = self._said[self._stderr].decode(errors="replace")
        end = (self._end or b"error the launcher was killed").decode()
        if not self._complaint and end.startswith("error "):
            self._complaint = (SandboxError, f"could not be run: {end.removeprefix('error ')}")
        if self._complaint:
            error, what = self._complaint
            raise error(f"{self._program} {what}. {stderr[-STDERR_EXCERPT_CHARS:]}".strip())
        exit_code, peak_rss_kib, cpu_s = end.split()
        return Result(
            stdout=bytes(self._said[self._stdout]),
            stderr=stderr,
            exit_code=int(exit_code),
            peak_rss_bytes=int(peak_rss_kib) * KIB,
            cpu_s=float(cpu_s),
        )

    def _kill(self, error: type[SandboxError], what: str) -> None:
        self._complaint = (error, what)
        self._until = time.monotonic() + KILL_GRACE_S
        with suppress(OSError):
            self._launcher.shutdown(socket.SHUT_WR)

    def _read(self, descriptor: int) -> bool:
        """Take what a pipe holds; False when it holds nothing now."""
        if descriptor not in self._heard:
            return False
        said, most = self._said[descriptor], self._most[descriptor]
        try:
            piece = os.read(descriptor, min(PIPE_BYTES, most + 1 - len(said)))
        except BlockingIOError:
            return False
        said += piece
        if len(said) > most:
            del said[most:]
            self._hear_no_more(descriptor)
            self._kill(SandboxFloodError, f"wrote more than {most} bytes")
        elif not piece:
            self._hear_no_more(descriptor)
        return bool(piece)

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._stdin, self._unsent[:PIPE_BYTES]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent = self._unsent[:0]
        if not self._unsent:
            self._poll.unregister(self._stdin)
            self._open.remove(self._stdin)
            os.close(self._stdin)

    def _hear_no_more(self, descriptor: int) -> None:
        """Of a flood, too: the pipe stays open, lest stderr complains of that."""
        self._heard.remove(descriptor)
        self._poll.unregister(descriptor)

    def _close_pipes(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
