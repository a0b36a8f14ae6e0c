"""The process runtime, with real processes and boto3's own Lambda client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.runtime import Runtime
from local.worker import MAX_PAYLOAD_BYTES, Function
from tests.local.probe_functions.background import Background

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import InvocationResponseTypeDef

PROBES = Path(__file__).parent / "probe_functions"
Lines = list[tuple[str, str]]


def function(name: str, **changes: Any) -> Function:
    default: dict[str, Any] = {
        "handler": "probe.handler",
        "timeout_s": 20.0,
        "memory_mb": 256,
        "environment": {"COLOUR": "green"},
        "max_workers": 4,
    }
    return Function(name=name, **(default | changes))


FUNCTIONS = (
    function("probe"),
    function("single", max_workers=1),
    function("hasty", timeout_s=2.0),
    function("sleepy", handler="sleepy.handler", timeout_s=1.0),
    function("broken", handler="broken.handler"),
)


@pytest.fixture(scope="module")
def lines() -> Lines:
    return []


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def endpoint(background: Background, lines: Lines) -> Iterator[str]:
    def log(name: str, line: str) -> None:
        lines.append((name, line))

    with background.entered(Runtime(FUNCTIONS, root=PROBES, log=log).serving()) as endpoint:
        yield endpoint


def lambda_client(endpoint: str) -> "LambdaClient":
    return boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, max_pool_connections=50),
    )


@pytest.fixture(scope="module")
def functions(endpoint: str) -> Iterator["LambdaClient"]:
    with closing(lambda_client(endpoint)) as client:
        yield client


def call(client: "LambdaClient", name: str, **event: Any) -> "InvocationResponseTypeDef":
    return client.invoke(FunctionName=name, Payload=json.dumps(event))


def body(answer: "InvocationResponseTypeDef") -> Any:
    return json.loads(answer["Payload"].read())


def eventually(condition: Callable[[], Any], within_s: float = 10) -> Any:
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)
    return found


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie waits for its parent, it does not run


def test_a_function_answers_its_event(functions: "LambdaClient") -> None:
    answer = call(functions, "probe", greeting="hello")
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert body(answer) == {"greeting": "hello"}


def test_the_process_sees_lambdas_variables_its_own_and_no_others(
    functions: "LambdaClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    seen = body(call(functions, "single", do="identify"))
    environment = seen["environment"]
    assert environment["COLOUR"] == "green"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "single"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["LAMBDA_TASK_ROOT"] == str(PROBES)
    assert "SECRET_OF_THIS_MACHINE" not in environment
    assert seen["tmp"] == environment["TMPDIR"] != "/tmp"
    assert seen["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:single"
    assert 19_000 < seen["remaining_ms"] <= 20_000


def test_an_idle_worker_is_used_again(functions: "LambdaClient") -> None:
    first, second = (body(call(functions, "single", do="identify")) for _ in range(2))
    assert first["pid"] == second["pid"]
    assert first["request_id"] != second["request_id"]


def test_parallel_requests_run_in_parallel_processes(
    functions: "LambdaClient", tmp_path: Path
) -> None:
    def meet(_: int) -> Any:
        return body(call(functions, "probe", do="meet", place=str(tmp_path), count=4))

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(meet, range(4)))) == 4


def test_requests_beyond_max_workers_wait_for_a_worker(functions: "LambdaClient") -> None:
    def pid(_: int) -> Any:
        return body(call(functions, "probe", do="identify"))["pid"]

    with ThreadPoolExecutor(40) as threads:
        assert len(set(threads.map(pid, range(40)))) <= 4


def test_an_exception_is_a_function_error(functions: "LambdaClient") -> None:
    answer = call(functions, "probe", do="fail")
    assert answer["FunctionError"] == "Unhandled"
    error = body(answer)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such luck")


def test_a_timeout_ends_the_process_and_all_that_it_started(
    functions: "LambdaClient", tmp_path: Path
) -> None:
    answer = call(functions, "hasty", do="hang", pids=str(tmp_path / "pids"))
    assert answer["FunctionError"] == "Unhandled"
    error = body(answer)
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 2.00 seconds")
    pids = json.loads((tmp_path / "pids").read_text())
    assert len(pids) == 3
    eventually(lambda: not any(is_running(pid) for pid in pids), within_s=1)
    assert body(call(functions, "hasty", still="works")) == {"still": "works"}


def test_an_import_that_hangs_times_out_too(functions: "LambdaClient") -> None:
    answer = call(functions, "sleepy")
    assert answer["FunctionError"] == "Unhandled"
    assert body(answer)["errorType"] == "Sandbox.Timedout"


def test_an_import_that_fails_is_told(functions: "LambdaClient", lines: Lines) -> None:
    answer = call(functions, "broken")
    assert answer["FunctionError"] == "Unhandled"
    error = body(answer)
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in error["errorMessage"]
    eventually(lambda: any(name == "broken" and "no_such_module" in line for name, line in lines))


def test_a_crashed_process_is_told_and_replaced(functions: "LambdaClient") -> None:
    before = body(call(functions, "single", do="identify"))["pid"]
    answer = call(functions, "single", do="crash")
    assert answer["FunctionError"] == "Unhandled"
    error = body(answer)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert body(call(functions, "single", do="identify"))["pid"] != before


def test_a_worker_that_died_while_idle_is_not_used(functions: "LambdaClient") -> None:
    before = body(call(functions, "single", do="identify"))["pid"]
    os.kill(before, 9)
    eventually(lambda: not Path(f"/proc/{before}").exists())
    assert body(call(functions, "single", do="identify"))["pid"] != before


def test_the_largest_answer_passes(functions: "LambdaClient") -> None:
    assert len(body(call(functions, "probe", do="huge", size=MAX_PAYLOAD_BYTES - 2))) > 6_000_000


def test_a_larger_answer_is_lambdas_error(functions: "LambdaClient") -> None:
    answer = call(functions, "probe", do="huge", size=8 * 2**20)
    assert answer["FunctionError"] == "Unhandled"
    assert body(answer)["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_larger_request_is_refused(functions: "LambdaClient") -> None:
    with pytest.raises(ClientError) as refused:
        call(functions, "probe", filling="x" * MAX_PAYLOAD_BYTES)
    assert refused.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_an_unknown_function_is_not_found(functions: "LambdaClient") -> None:
    with pytest.raises(functions.exceptions.ResourceNotFoundException, match="function:nobody"):
        call(functions, "nobody")


def test_an_invocation_that_nobody_would_wait_for_is_refused(functions: "LambdaClient") -> None:
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        functions.invoke(FunctionName="probe", InvocationType="Event", Payload=b"{}")


def test_what_a_function_prints_reaches_the_log_raw(
    functions: "LambdaClient", lines: Lines
) -> None:
    call(functions, "probe", do="speak")
    wanted = [("probe", '{"level":"INFO","message":"raw"}'), ("probe", "to stderr")]
    eventually(lambda: all(line in lines for line in wanted))


def test_stopping_leaves_no_process_and_no_directory(
    background: Background, tmp_path: Path
) -> None:
    runtime = Runtime([function("probe")], root=PROBES, log=lambda _, __: None)
    pids = tmp_path / "pids"
    with (
        ThreadPoolExecutor(2) as threads,
        background.entered(runtime.serving()) as endpoint,
        closing(lambda_client(endpoint)) as client,
    ):
        hanging = threads.submit(call, client, "probe", do="hang", pids=str(pids))
        eventually(pids.exists)
        idle = body(call(client, "probe", do="identify"))
    # Killed by the stop: the caller hears of it, or loses the connection.
    assert hanging.exception() or hanging.result()["FunctionError"]
    assert not any(is_running(pid) for pid in [idle["pid"], *json.loads(pids.read_text())])
    assert not Path(idle["tmp"]).exists()


STACK = """
import asyncio, json
from aiohttp import ClientSession
from local.runtime import Runtime
from tests.local.test_runtime import PROBES, function

async def main():
    runtime = Runtime([function("probe")], root=PROBES, log=lambda name, line: None)
    async with runtime.serving() as endpoint, ClientSession() as http:
        url = endpoint + "/2015-03-31/functions/probe/invocations"
        async with http.post(url, data='{"do": "identify"}') as answer:
            print(json.loads(await answer.read())["pid"], flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


def test_functions_end_when_the_stack_itself_was_killed(tmp_path: Path) -> None:
    """Their Runtime API is gone, so they have nobody to ask for work."""
    command = [sys.executable, "-c", STACK]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as stack:
        assert stack.stdout
        worker = int(stack.stdout.readline())
        assert is_running(worker)
        stack.kill()
    eventually(lambda: not is_running(worker))
