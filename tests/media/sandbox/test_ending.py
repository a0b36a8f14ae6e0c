"""The sandbox against programs that hang, crash, flood and fork; none of them outlives its run."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from functions.inspect_upload import launcher as launcher_module
from functions.inspect_upload.sandbox import (
    ROOT,
    Sandbox,
    SandboxError,
    SandboxFloodError,
    SandboxTimeoutError,
)
from tests.media.sandbox.processes import (
    HANG,
    PATIENCE_S,
    Children,
    Program,
    await_condition,
    is_gone,
    our_children,
)


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


def test_a_killed_launcher_costs_one_run(
    sandbox: Sandbox, program: Program, children: Children
) -> None:
    hang, fine = program(HANG), program("print('fine')")
    [launcher] = children()
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


def test_a_closed_sandbox_leaves_no_process(
    tmp_path: Path, program: Program, children: Children
) -> None:
    name = program(HANG)
    sandbox = Sandbox(tmp_path)
    [launcher] = children()
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(sandbox.run, name, [], deadline_s=PATIENCE_S)
        await_condition(lambda: bool(children_of(launcher)))
        [child] = children_of(launcher)
        sandbox.close()
        with pytest.raises(SandboxError):
            run.result(PATIENCE_S)
    await_condition(lambda: is_gone(child))
    assert children() == []


def test_a_closed_sandbox_leaves_nothing_that_a_program_started(
    unfiltered: Sandbox, program: Program, children: Children
) -> None:
    name = program(ESCAPE.replace("{seconds}", "60"))
    [launcher] = children()
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


def test_a_forgotten_sandbox_leaves_no_process(tmp_path: Path, children: Children) -> None:
    sandbox = Sandbox(tmp_path)
    assert children()
    del sandbox
    assert children() == []


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
