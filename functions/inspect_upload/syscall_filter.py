"""A seccomp filter: what a media program never needs, it cannot ask the kernel for.

It may read files, use memory and threads, and connect by TCP over IPv4. It may not write or
change files, start processes, signal or trace others, listen, or use other kinds of sockets.
The kernel sees numbers only, so *whom* it connects to and *what* it reads stay open.
See seccomp(2); numbers from asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64).
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

X86_64, AARCH64 = 0, 1
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64}
AUDIT_ARCH = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}  # linux/audit.h

# name: number on x86-64, on aarch64 (None: it has no such call)
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    # files
    "creat": (85, None),
    "openat2": (437, 437),
    "truncate": (76, 45),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    # what outlives a process
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # being a server
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # the kernel's wide surfaces; io_uring would also go round this filter
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
}
OPEN, OPENAT = (2, None), (257, 56)
SOCKET, CLONE, CLONE3, PRLIMIT64 = (41, 198), (56, 220), (435, 435), (302, 261)
KILL, TKILL, TGKILL = (62, 129), (200, 130), (234, 131)

CLONE_THREAD = 0x00010000
OPEN_FOR_CHANGE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
SOCK_TYPE_MASK, SOCK_STREAM, AF_INET = 0xF, 1, 2
X32_CALLS = 0x40000000

# linux/seccomp.h, linux/bpf_common.h
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
RET_ALLOW, RET_ERRNO, RET_KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, RETURN, AND = 0x20, 0x06, 0x54
IF_EQUAL, IF_GREATER_OR_EQUAL, IF_ANY_BIT = 0x15, 0x35, 0x45
NUMBER_AT, ARCH_AT = 0, 4


def install(libc: ctypes.CDLL) -> bool:
    """Filter this process and what it becomes, for ever; False where that cannot be had.

    Needs PR_SET_NO_NEW_PRIVS before.
    """
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    code = program(machine, os.getpid())
    instructions = ctypes.create_string_buffer(code, len(code))
    filter_ = _Program(len(code) // 8, ctypes.addressof(instructions))
    arguments = (ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(filter_), 0, 0)
    return int(libc.prctl(PR_SET_SECCOMP, *arguments)) == 0


def program(machine: int, pid: int) -> bytes:
    """The filter as BPF instructions, for the process `pid`, which may signal only itself."""
    return b"".join(_instructions(machine, pid))


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _instructions(machine: int, pid: int) -> Iterator[bytes]:
    refuse = _do(RETURN, RET_ERRNO | errno.EPERM)
    yield _do(LOAD, ARCH_AT)
    yield _do(IF_EQUAL, AUDIT_ARCH[machine], then=1)
    yield _do(RETURN, RET_KILL_PROCESS)
    yield _do(LOAD, NUMBER_AT)
    yield _do(IF_GREATER_OR_EQUAL, X32_CALLS, otherwise=1)
    yield refuse
    for numbers in REFUSED.values():
        yield from _when(numbers[machine], [refuse])
    # The C library then makes threads by clone, whose flags can be seen.
    yield from _when(CLONE3[machine], [_do(RETURN, RET_ERRNO | errno.ENOSYS)])
    yield from _when(CLONE[machine], [_argument(0), _do(IF_ANY_BIT, CLONE_THREAD, then=1), refuse])
    for numbers, flags_at in ((OPEN, 1), (OPENAT, 2)):
        change = _do(IF_ANY_BIT, OPEN_FOR_CHANGE, otherwise=1)
        yield from _when(numbers[machine], [_argument(flags_at), change, refuse])
    for numbers, only in ((KILL, pid), (TKILL, pid), (TGKILL, pid), (PRLIMIT64, 0)):
        itself = _do(IF_EQUAL, only, then=1)
        yield from _when(numbers[machine], [_argument(0), itself, refuse])
    tcp = [
        _argument(0),
        _do(IF_EQUAL, AF_INET, then=1),
        refuse,
        _argument(1),
        _do(AND, SOCK_TYPE_MASK),
        _do(IF_EQUAL, SOCK_STREAM, then=1),
        refuse,
    ]
    yield from _when(SOCKET[machine], tcp)
    yield _do(RETURN, RET_ALLOW)


def _when(number: int | None, then: list[bytes]) -> list[bytes]:
    """Instructions for one system call; what they do not refuse is allowed."""
    if number is None:
        return []
    allow = _do(RETURN, RET_ALLOW)
    return [_do(IF_EQUAL, number, otherwise=len(then) + 1), *then, allow]


def _argument(index: int) -> bytes:
    """Load the low half of an argument: all that the kernel looks at in these."""
    return _do(LOAD, 16 + 8 * index)


def _do(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """struct sock_filter: `then` and `otherwise` are how many instructions to skip."""
    return struct.pack("=HBBI", code, then, otherwise, value)
