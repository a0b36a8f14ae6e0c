"""The launcher: a small process of one thread that starts programs for the sandbox.

Between fork and exec a child must limit itself (no new privileges, rlimits, death with its
parent). Doing that in the function's own process means Python code after a fork of many
threads, which may deadlock; and the parent-death signal fires when the forking *thread* ends.
So the function starts this process once, with no environment, and asks it over a socket. It
forks safely and cheaply, being small, and adopts orphans (PR_SET_CHILD_SUBREAPER): a program's
grandchildren cannot escape it by leaving their process group.

One datagram asks for one program: niceness, file, argument list, parted by NUL, and 4 descriptors:
stdin, stdout, stderr, and a socket for this run. On that socket the asker gets one datagram, when
the program and everything that it started are gone (exit code, peak memory in KiB, CPU seconds),
or at once what kept it from starting. Closing or shutting it down kills them. When the function
dies, the sockets close, and everything here ends. Imports are few: they are start-up time.
"""

import ctypes
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress

from functions.inspect_upload import syscall_filter

MESSAGE_MAX = 64 * 1024
LIMITS = {
    resource.RLIMIT_AS: 1 << 30,  # bytes; 300 MB is enough for 4K HEVC at 10 bit
    resource.RLIMIT_CPU: 20,  # seconds
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_FSIZE: 0,  # pipes do not count: no file ever gets content
    resource.RLIMIT_CORE: 0,
}
TASKS_MORE = 256

# linux/prctl.h, linux/securebits.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
SECBIT_NOROOT_LOCKED = 0b11

LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2). Raises OSError."""
    if LIBC.prctl(option, *(ctypes.c_ulong(argument) for argument in (value, 0, 0, 0))) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


class Launcher:
    """Starts programs; keeps the socket of who asked for each, by process id."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._askers: dict[int, socket.socket] = {}
        self._ended: list[tuple[socket.socket, bytes]] = []

    def serve(self) -> None:
        """Start programs until the control socket closes, then kill what still runs."""
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(woken, select.POLLIN)
        while True:
            # One event at a time: handling it may close the descriptor of the next.
            descriptor, _ = self._poll.poll()[0]
            if descriptor == woken:
                os.read(woken, 4096)
                self._reap()
            elif descriptor != self._control.fileno():
                self._kill(descriptor)
            elif not self._start():
                self._end()
                return

    def _start(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_MAX, 4)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional only
        if not message:
            return False
        asker = socket.socket(fileno=descriptors.pop())
        limits = {**LIMITS, **_task_limit()}
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # no memory or no process left
            self._answer(asker, f"error {error}".encode())
        else:
            if pid == 0:
                _die_with(launcher)
                niceness, *command = message.decode().split("\0")
                _become(command, int(niceness), descriptors, asker, limits)
            self._askers[pid] = asker
            self._poll.register(asker, select.POLLIN)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _kill(self, descriptor: int) -> None:
        """Who asked for this run closed the socket, or shut it down."""
        self._poll.unregister(descriptor)
        for pid, asker in self._askers.items():
            if asker.fileno() == descriptor:
                os.kill(pid, signal.SIGKILL)

    def _end(self) -> None:
        """Kill all programs, what they started too, and bury them."""
        while children := _children():
            for child in children:
                os.kill(child, signal.SIGKILL)
            os.wait()

    def _reap(self) -> None:
        """Bury the dead and kill what they left; answer when nothing is left of a run."""
        with suppress(ChildProcessError):
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury(dead.si_pid)
        orphans = _children() - self._askers.keys()
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)  # its end wakes us again
        if not orphans:
            for asker, result in self._ended:
                self._answer(asker, result)
            self._ended.clear()

    def _bury(self, pid: int) -> None:
        asker = self._askers.pop(pid, None)
        if asker:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # before its number can be given to another
        _, status, usage = os.wait4(pid, 0)
        if asker:
            exit_code, cpu_s = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
            self._ended.append((asker, f"{exit_code} {usage.ru_maxrss} {cpu_s}".encode()))

    def _answer(self, asker: socket.socket, result: bytes) -> None:
        with suppress(KeyError):
            self._poll.unregister(asker)
        with suppress(OSError):
            asker.send(result)
        asker.close()


def _die_with(launcher: int) -> None:
    """Have the kernel kill this fresh child when the launcher ends, or end if it already has."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        os._exit(1)


def _become(
    command: list[str],
    niceness: int,
    descriptors: list[int],
    asker: socket.socket,
    limits: dict[int, int],
) -> None:
    """Turn this fresh child into the program. Never returns; tells the asker what went wrong."""
    try:
        os.setsid()
        os.chdir("/")
        os.nice(niceness)
        signal.set_wakeup_fd(-1)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and so by what it becomes
            signal.signal(ignored, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)  # all others close on exec
        for limit, value in limits.items():
            resource.setrlimit(limit, (value, value))
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        with suppress(OSError):  # only root may, and only root needs to
            prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED)
        with suppress(OSError):
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        syscall_filter.install(LIBC)
        os.execve(command[0], command[1:], {})  # noqa: S606 - no shell is the point
    except BaseException as error:
        asker.send(f"error {error}".encode())
    finally:
        os._exit(127)


def _children() -> set[int]:
    """This process's living and unburied children."""
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return {int(child) for child in children.read().split()}
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return {child for child in _processes() if _parent_of(child) == pid}


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _parent_of(pid: int) -> int | None:
    """See proc(5), /proc/[pid]/stat; the second field is a name that may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:  # gone meanwhile
        return None


def _task_limit() -> dict[int, int]:
    """RLIMIT_NPROC: some more threads than this user has now.

    The kernel compares it with all threads of the user, the function's own too, but only when
    the limited process makes one: others are not held back. Root is exempt (setrlimit(2)).
    """
    user, tasks = os.getuid(), 0
    if user == 0:
        return {}
    for process in _processes():
        with suppress(OSError):  # gone meanwhile
            folder = os.stat(f"/proc/{process}/task")
            tasks += folder.st_nlink - 2 if folder.st_uid == user else 0
    return {resource.RLIMIT_NPROC: tasks + TASKS_MORE}


def main() -> None:
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    Launcher(control).serve()
