"""A function that does what its event says: each test asks for one behaviour."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    return DOINGS[event.get("do", "echo")](event, context)


def echo(event: dict[str, Any], _: Any) -> Any:
    return event


def identify(_: dict[str, Any], context: Any) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "tmp": tempfile.gettempdir(),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }


def meet(event: dict[str, Any], _: Any) -> int:
    """Come back only when `count` processes are in here at once."""
    (Path(event["place"]) / str(os.getpid())).touch()
    while len(list(Path(event["place"]).iterdir())) < event["count"]:
        time.sleep(0.005)
    return os.getpid()


def hang(event: dict[str, Any], _: Any) -> None:
    """Leave two children behind, one of them in a session of its own."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
    pids = [os.getpid(), *(child.pid for child in children)]
    partial = Path(event["pids"]).with_suffix(".partial")
    partial.write_text(json.dumps(pids))
    partial.rename(event["pids"])
    time.sleep(600)


def crash(_: dict[str, Any], __: Any) -> None:
    os._exit(3)


def fail(_: dict[str, Any], __: Any) -> None:
    raise ValueError("no such luck")


def huge(event: dict[str, Any], _: Any) -> Any:
    return "x" * event["size"]


def speak(_: dict[str, Any], __: Any) -> None:
    print('{"level":"INFO","message":"raw"}')
    print("to stderr", file=sys.stderr)


def web(event: dict[str, Any], _: Any) -> Any:
    """An HTTP API's function: the event itself, unless the query has an answer or a `do`."""
    query = event.get("queryStringParameters", {})
    if "do" in query:
        return DOINGS[query["do"]](query, _)
    if "answer" in query:
        return json.loads(query["answer"])
    return {"statusCode": 200, "body": json.dumps(event)}


def consume(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """A queue's or a schedule's function: write the event down, and fail, or report failures, for
    bodies that say so."""
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(json.dumps(event) + "\n")
    records = event.get("Records", [])
    for record in records:
        if record["body"].startswith("work for "):
            time.sleep(float(record["body"].removeprefix("work for ")))
    if any(record["body"] == "fail" for record in records):
        raise ValueError("asked to fail")
    if any(record["body"] == "report nonsense" for record in records):
        return {"batchItemFailures": ["nonsense"]}
    reported = {"report": "messageId", "report nobody": "md5OfBody"}
    return {
        "batchItemFailures": [
            {"itemIdentifier": record[reported[record["body"]]]}
            for record in records
            if record["body"] in reported
        ]
    }


DOINGS = {
    "echo": echo,
    "identify": identify,
    "meet": meet,
    "hang": hang,
    "crash": crash,
    "fail": fail,
    "huge": huge,
    "speak": speak,
}
