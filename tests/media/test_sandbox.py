"""The sandbox against programs that hang, crash, flood, fork and pry; none is ffmpeg."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from functions.inspect_upload import launcher as launcher_module
from functions.inspect_upload import sandbox as sandbox_module
from functions.inspect_upload.sandbox import (
    ROOT,
    Sandbox,
    SandboxError,
    SandboxFloodError,
    SandboxTimeoutError,
)

PATIENCE_S = 10.0
Program = Callable[[str], str]

HANG = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Make a program of Python source in the tools folder, and give its name."""

    def make(source: str) -> str:
        name = f"p{os.getpid()}_{len(list(tmp_path.iterdir()))}"
        (tmp_path / name).write_text(f"#!{sys.executable} -IS\n{source}\n")
        (tmp_path / name).chmod(0o755)
        return name

    return make


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with closing(Sandbox(tmp_path)) as sandbox:
        yield sandbox


@pytest.fixture
def unfiltered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox where the kernel has no seccomp: what the rest of it does alone."""
    absent = "from functions.inspect_upload import syscall_filter as f; f.install = lambda _: False"
    start = sandbox_module.LAUNCHER.removesuffix("main()")
    monkeypatch.setattr(sandbox_module, "LAUNCHER", f"{start}{absent}; main()")
    with closing(Sandbox(tmp_path)) as sandbox:
        yield sandbox


def our_children() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for task in children for pid in task.read_text().split()]


def await_condition(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


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


# how a program ends


def test_a_program_that_is_not_there_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"nowhere could not be run.*No such file"):
        sandbox.run("nowhere", [], deadline_s=PATIENCE_S)


def test_a_hanging_program_is_killed_at_its_deadline(sandbox: Sandbox, program: Program) -> None:
    name = program(f"import sys, os; print(os.getpid(), file=sys.stderr, flush=True); {HANG}")
    began = time.monotonic()
    with pytest.raises(SandboxTimeoutError, match=r"still running after 0\.5 s\. \d+") as error:
        sandbox.run(name, [], deadline_s=0.5)
    assert 0.5 <= time.monotonic() - began < 3
    assert is_gone(int(str(error.value).split()[-1]))


def test_a_chatty_program_is_killed_at_its_deadline_too(sandbox: Sandbox, program: Program) -> None:
    name = program("import os\nwhile True: os.write(1, b'x')")
    began = time.monotonic()
    with pytest.raises(SandboxTimeoutError):
        sandbox.run(name, [], deadline_s=0.3, stdout_max=1 << 30)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [
        ("import os; os.kill(os.getpid(), 11)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_a_crash_is_a_result_and_the_next_run_is_clean(
    sandbox: Sandbox, program: Program, source: str, exit_code: int
) -> None:
    assert sandbox.run(program(source), [], deadline_s=PATIENCE_S).exit_code == exit_code
    assert sandbox.run(program("print(1)"), [], deadline_s=PATIENCE_S).stdout == b"1\n"


@pytest.mark.parametrize(("stream", "most"), [("stdout", 1 << 20), ("stderr", 16 << 10)])
def test_a_flooding_program_is_killed(
    sandbox: Sandbox, program: Program, stream: str, most: int
) -> None:
    name = program(f"import sys\nwhile True: sys.{stream}.write('x' * 4096)")
    with pytest.raises(SandboxFloodError, match=f"wrote more than {most} bytes") as error:
        sandbox.run(name, [], deadline_s=PATIENCE_S)
    assert len(str(error.value)) < 1000


def test_output_of_exactly_the_most_is_no_flood(sandbox: Sandbox, program: Program) -> None:
    name = program("print('x' * 99999)")
    result = sandbox.run(name, [], deadline_s=PATIENCE_S, stdout_max=100_000)
    assert len(result.stdout) == 100_000
    with pytest.raises(SandboxFloodError):
        sandbox.run(name, [], deadline_s=PATIENCE_S, stdout_max=99_999)


ESCAPE = """
import os, signal, sys, time
def say(): print(os.getpid(), file=sys.stderr, flush=True)
def stay():
    for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
    say()
    time.sleep(60)
say()
for leave in (lambda: None, os.setsid, lambda: os.setpgid(0, 0)):
    if os.fork() == 0:
        leave()
        if os.fork() == 0: leave()
        stay()
time.sleep({seconds})
"""
ESCAPED = 1 + 3 * 2


@pytest.mark.parametrize(("end", "seconds"), [("exit", 0.5), ("deadline", 60)])
def test_what_a_program_started_is_gone_with_it(
    unfiltered: Sandbox, program: Program, end: str, seconds: float
) -> None:
    name = program(ESCAPE.replace("{seconds}", str(seconds)))
    if end == "exit":
        pids = unfiltered.run(name, [], deadline_s=PATIENCE_S).stderr.split()
    else:
        with pytest.raises(SandboxTimeoutError) as error:
            unfiltered.run(name, [], deadline_s=1)
        pids = str(error.value).partition(" s. ")[2].split()
    assert len(pids) == ESCAPED
    assert [pid for pid in pids if not is_gone(int(pid))] == []


def test_children_are_found_where_the_kernel_has_no_list_of_them() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        try:
            found = {
                pid
                for pid in launcher_module._processes()
                if launcher_module._parent_of(pid) == os.getpid()
            }
            assert child.pid in found
            assert found == set(our_children())
        finally:
            child.kill()


def test_runs_side_by_side_do_not_disturb_each_other(sandbox: Sandbox, program: Program) -> None:
    good, crash = program("import sys; print(sys.argv[1])"), program("import os; os.abort()")
    hang = program(HANG)

    def run(number: int) -> bytes:
        if number % 3 == 0:
            return sandbox.run(good, [str(number)], deadline_s=PATIENCE_S).stdout
        if number % 3 == 1:
            return str(sandbox.run(crash, [], deadline_s=PATIENCE_S).exit_code).encode()
        with pytest.raises(SandboxTimeoutError):
            sandbox.run(hang, [], deadline_s=0.3)
        return b""

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(run, range(18)))
    assert results == [(f"{n}\n".encode(), b"-6", b"")[n % 3] for n in range(18)]


def test_a_run_outlives_the_thread_that_made_the_sandbox(tmp_path: Path, program: Program) -> None:
    with ThreadPoolExecutor(1) as thread:
        sandbox = thread.submit(Sandbox, tmp_path).result()
    name = program("import time; time.sleep(0.1); print('done')")
    assert sandbox.run(name, [], deadline_s=PATIENCE_S).stdout == b"done\n"


def test_a_killed_launcher_costs_one_run(sandbox: Sandbox, program: Program) -> None:
    hang, fine = program(HANG), program("print('fine')")
    [launcher] = our_children()
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(sandbox.run, hang, [], deadline_s=PATIENCE_S)
        await_condition(lambda: bool(children_of(launcher)))
        [child] = children_of(launcher)
        await_condition(lambda: name_of(child) == hang)
        os.kill(launcher, signal.SIGKILL)
        with pytest.raises(SandboxError, match="the launcher was killed"):
            run.result(PATIENCE_S)
    await_condition(lambda: is_gone(child))
    assert sandbox.run(fine, [], deadline_s=PATIENCE_S).stdout == b"fine\n"


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_no_descriptor_or_thread_is_left(sandbox: Sandbox, program: Program) -> None:
    def left() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    fine, hang, flood = program("print(1)"), program(HANG), program("print('x' * 99)")
    before = left()
    for _ in range(3):
        sandbox.run(fine, [], deadline_s=PATIENCE_S, stdin=b"x")
        with pytest.raises(SandboxTimeoutError):
            sandbox.run(hang, [], deadline_s=0.05)
        with pytest.raises(SandboxFloodError):
            sandbox.run(flood, [], deadline_s=PATIENCE_S, stdout_max=10)
        with pytest.raises(SandboxError):
            sandbox.run("nowhere", [], deadline_s=PATIENCE_S)
    assert left() == before


def test_a_closed_sandbox_leaves_no_process(tmp_path: Path, program: Program) -> None:
    name = program(HANG)
    sandbox = Sandbox(tmp_path)
    [launcher] = our_children()
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(sandbox.run, name, [], deadline_s=PATIENCE_S)
        await_condition(lambda: bool(children_of(launcher)))
        [child] = children_of(launcher)
        sandbox.close()
        with pytest.raises(SandboxError):
            run.result(PATIENCE_S)
    await_condition(lambda: is_gone(child))
    assert our_children() == []


def test_a_closed_sandbox_leaves_nothing_that_a_program_started(
    unfiltered: Sandbox, program: Program
) -> None:
    name = program(ESCAPE.replace("{seconds}", "60"))
    [launcher] = our_children()
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(unfiltered.run, name, [], deadline_s=PATIENCE_S)
        await_condition(lambda: len(processes_named(name)) == ESCAPED)
        unfiltered.close()
        with pytest.raises(SandboxError, match="the launcher was killed"):
            run.result(PATIENCE_S)
    assert processes_named(name) == []
    assert is_gone(launcher)


def processes_named(name: str) -> list[int]:
    found = []
    for pid in launcher_module._processes():
        with suppress(OSError):
            if name_of(pid) == name:
                found.append(pid)
    return found


def test_a_forgotten_sandbox_leaves_no_process(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    assert our_children()
    del sandbox
    assert our_children() == []


def test_programs_die_with_the_function(tmp_path: Path, program: Program) -> None:
    name = program(HANG)
    function = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            "from functions.inspect_upload.sandbox import Sandbox\n"
            "Sandbox(Path(sys.argv[1])).run(sys.argv[2], [], deadline_s=60)",
            str(tmp_path),
            name,
        ],
        cwd=ROOT,
    )
    try:
        await_condition(lambda: any(children_of(child) for child in children_of(function.pid)))
        [launcher] = children_of(function.pid)
        [child] = children_of(launcher)
    finally:
        function.kill()
        function.wait(PATIENCE_S)
    await_condition(lambda: is_gone(child) and is_gone(launcher))


# the function's own credentials

PRY = """
import sys
for name in ("environ", "mem"):
    try:
        held = open(f"/proc/{sys.argv[1]}/{name}", "rb").read(9999)
        print(name, "hush" if b"hush" in held else "")
    except OSError as error: print(name, type(error).__name__)
"""
FUNCTION = """
import os, subprocess, sys
sys.path.append(sys.argv[1])
from functions.inspect_upload.sandbox import hide_credentials
if sys.argv[2] == "hidden": hide_credentials()
command = [sys.executable, "-IS", "-c", sys.argv[3], str(os.getpid())]
print(subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout)
"""


ANOTHER_USER = 65534 if os.getuid() == 0 else None  # nobody: root could read all the same


def python_for_everybody() -> str:
    for python in (sys.executable, "/usr/bin/python3"):
        folder = Path(python).resolve().parents
        if os.getuid() != 0 or all(path.stat().st_mode & 0o001 for path in folder):
            return python
    pytest.skip("no Python interpreter that another user than root may execute")


@pytest.mark.parametrize(("state", "seen"), [("open", "hush"), ("hidden", "PermissionError")])
def test_hidden_credentials_cannot_be_read_by_a_child_of_the_same_user(
    tmp_path: Path, state: str, seen: str
) -> None:
    answer = subprocess.run(
        [python_for_everybody(), "-IS", "-c", FUNCTION, str(ROOT), state, PRY],
        env={"AWS_SECRET_ACCESS_KEY": "hush"},
        cwd="/",
        text=True,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
        user=ANOTHER_USER,
        group=ANOTHER_USER,
    )
    assert f"environ {seen}\n" in answer.stdout
    if state == "hidden":
        assert f"mem {seen}\n" in answer.stdout


def test_a_sandboxed_program_cannot_read_hidden_credentials(
    tmp_path: Path, program: Program
) -> None:
    name = program(PRY)
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys; from pathlib import Path\n"
            "from functions.inspect_upload.sandbox import Sandbox, hide_credentials\n"
            "hide_credentials()\n"
            "sandbox = Sandbox(Path(sys.argv[1]))\n"
            "print(sandbox.run(sys.argv[2], [str(os.getpid())], deadline_s=9).stdout.decode())",
            str(tmp_path),
            name,
        ],
        env={"AWS_SECRET_ACCESS_KEY": "hush"},
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert answer.stdout.split() == ["environ", "PermissionError", "mem", "PermissionError"]


def test_the_deployed_layer_is_one_file_that_runs_as_both_programs(
    tools: Path, tmp_path: Path
) -> None:
    """SAM's zip would hold the symbolic link as a second copy, so there is none."""
    (tmp_path / "ffmpeg").symlink_to((tools / "ffmpeg").resolve())
    with closing(Sandbox(tmp_path)) as sandbox:
        for program in ("ffmpeg", "ffprobe"):
            result = sandbox.run(program, ["-version"], deadline_s=20)
            assert result.stdout.decode().startswith(f"{program} version")
