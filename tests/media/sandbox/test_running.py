"""What a sandboxed program gets, and what it may do."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from functions.inspect_upload.sandbox import Sandbox
from tests.media.sandbox.processes import PATIENCE_S, Program

# what a program is given


def test_output_and_exit_code_come_back(sandbox: Sandbox, program: Program) -> None:
    name = program("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    result = sandbox.run(name, [], deadline_s=PATIENCE_S)
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", "err\n", 7)
    assert result.peak_rss_bytes > 1 << 20
    assert 0 < result.cpu_s < PATIENCE_S


def test_arguments_arrive_as_they_are(sandbox: Sandbox, program: Program) -> None:
    name = program("import sys, json; print(json.dumps(sys.argv[1:]))")
    arguments = ["two words", "$(id)", "`id`", "'\";", "", "-x", "\n"]
    result = sandbox.run(name, arguments, deadline_s=PATIENCE_S)
    assert json.loads(result.stdout) == arguments


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_stdin_is_what_was_given(sandbox: Sandbox, program: Program, size: int) -> None:
    name = program("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
    data = os.urandom(size)
    result = sandbox.run(name, [], deadline_s=PATIENCE_S, stdin=data, stdout_max=4 << 20)
    assert result.stdout == data


def test_without_stdin_there_is_nothing_to_read(sandbox: Sandbox, program: Program) -> None:
    name = program("import sys; print(sys.stdin.buffer.read())")
    assert sandbox.run(name, [], deadline_s=PATIENCE_S).stdout == b"b''\n"


def test_stdin_that_nobody_reads_is_no_error(sandbox: Sandbox, program: Program) -> None:
    result = sandbox.run(program("pass"), [], deadline_s=PATIENCE_S, stdin=bytes(1 << 20))
    assert result.exit_code == 0


def test_the_environment_is_empty(
    sandbox: Sandbox, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    name = program("print(open('/proc/self/environ', 'rb').read())")
    assert sandbox.run(name, [], deadline_s=PATIENCE_S).stdout == b"b''\n"


def test_no_descriptor_is_inherited(sandbox: Sandbox, program: Program, tmp_path: Path) -> None:
    name = program(
        "import os\n"
        "for number in range(64):\n"
        "    try: print(os.readlink(f'/proc/self/fd/{number}').split(':')[0])\n"
        "    except FileNotFoundError: pass"
    )
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003
        result = sandbox.run(name, [], deadline_s=PATIENCE_S)
    assert result.stdout.decode().split() == ["pipe"] * 3


def test_it_runs_in_the_root_folder_and_a_session_of_its_own(
    sandbox: Sandbox, program: Program
) -> None:
    name = program("import os; print(os.getcwd(), os.getsid(0) == os.getpgid(0) == os.getpid())")
    assert sandbox.run(name, [], deadline_s=PATIENCE_S).stdout == b"/ True\n"


def test_limits_hold(sandbox: Sandbox, program: Program) -> None:
    name = program(
        "import resource as r, json\n"
        "print(json.dumps([r.getrlimit(x) for x in"
        " (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE)]))"
    )
    limits = json.loads(sandbox.run(name, [], deadline_s=PATIENCE_S).stdout)
    assert limits == [[value, value] for value in (1 << 30, 20, 32, 0, 0)]


def test_it_has_no_privileges_and_gets_none(sandbox: Sandbox, program: Program) -> None:
    name = program("print(open('/proc/self/status').read())")
    status = sandbox.run(name, [], deadline_s=PATIENCE_S).stdout.decode()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    for capabilities in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(fields[capabilities], 16) == 0


def test_too_much_memory_is_refused(sandbox: Sandbox, program: Program) -> None:
    result = sandbox.run(program("bytearray(2 << 30)"), [], deadline_s=PATIENCE_S)
    assert result.exit_code == 1
    assert "MemoryError" in result.stderr


def test_no_file_gets_content(unfiltered: Sandbox, program: Program, tmp_path: Path) -> None:
    name = program(
        "import os, signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        f"os.write(os.open({str(tmp_path / 'loot')!r}, os.O_CREAT | os.O_WRONLY), b'x')"
    )
    assert unfiltered.run(name, [], deadline_s=PATIENCE_S).exit_code == -signal.SIGXFSZ
    assert (tmp_path / "loot").read_bytes() == b""


# what a program may not do, by the system call filter


REFUSED = {
    "fork": "os.fork()",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "signal its parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "signal everybody": "os.kill(-1, signal.SIGTERM)",
    "limit its parent": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
    "trace": "check(libc.ptrace(16, os.getppid(), 0, 0))",
    "read another's memory": "check(libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0))",
    "create a file": "open('{folder}/new', 'w')",
    "change a file": "open('{folder}/victim', 'r+')",
    "remove a file": "os.unlink('{folder}/victim')",
    "rename a file": "os.rename('{folder}/victim', '{folder}/new')",
    "make a folder": "os.mkdir('{folder}/new')",
    "make a link": "os.symlink('/', '{folder}/new')",
    "change a mode": "os.chmod('{folder}/victim', 0)",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "send datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "speak IPv6": "socket.socket(socket.AF_INET6)",
    "use local sockets": "socket.socket(socket.AF_UNIX)",
    "make a namespace": "check(libc.unshare(0x10000000))",
    "leave shared memory": "check(libc.shmget(0, 4096, 0o1600))",
    "go round by io_uring": "check(libc.syscall(425, 8, 0))",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_program_may_not(what: str, sandbox: Sandbox, program: Program, tmp_path: Path) -> None:
    source = (
        "import ctypes, os, resource, signal, socket\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def check(returned):\n"
        "    if returned < 0: raise OSError(ctypes.get_errno(), 'refused')\n"
        f"try: {REFUSED[what].replace('{folder}', str(tmp_path))}\n"
        "except PermissionError: print('refused')\n"
    )
    name, victim = program(source), tmp_path / "victim"
    victim.touch(0o644)
    result = sandbox.run(name, [], deadline_s=PATIENCE_S)
    assert (result.stdout, result.stderr) == (b"refused\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "victim"]
    assert victim.stat().st_mode & 0o777 == 0o644


def test_a_program_may_use_threads_read_files_and_connect(
    sandbox: Sandbox, program: Program
) -> None:
    name = program(
        "import socket, sys, threading\n"
        "def work():\n"
        "    address = ('127.0.0.1', int(sys.argv[1]))\n"
        "    with socket.create_connection(address) as client: client.send(b'hello')\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "print(len(open(__file__).read()) > 0)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        port = str(server.getsockname()[1])
        result = sandbox.run(name, [port], deadline_s=PATIENCE_S)
        assert (result.stdout, result.stderr) == (b"True\n", "")
        with server.accept()[0] as connection:
            assert connection.recv(10) == b"hello"
