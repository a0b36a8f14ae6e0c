"""The command line: what it prints, where the token comes from, and its exit codes."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from offchat_attachments import Client, Journal, errors
from offchat_attachments.cli.commands import run
from offchat_attachments.cli.exit_codes import EXIT_CODES, IN_WORDS, code_of
from offchat_attachments.cli.output import human_size
from offchat_attachments.testing import FakeService
from tests.client.conftest import Line
from tests.stack.client import ROOT

Attachments = Callable[..., int]


@pytest.fixture
def token(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> str:
    """Alice's, in the environment of a shell that also knows the service."""
    token = service.token("alice")
    for name in ("OFFCHAT_TOKEN_FILE", "OFFCHAT_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OFFCHAT_API", service.address)
    monkeypatch.setenv("OFFCHAT_TOKEN", token)
    return token


@pytest.fixture
def attachments(service: FakeService, token: str) -> Attachments:
    """Runs a command against the service in memory; its exit code."""

    def command(*arguments: str | Path, over: httpx.BaseTransport = service) -> int:
        def connect(api: str, token: Any, **_: object) -> Client:
            return Client(api, token, transport=over, pause=lambda _: None)

        return run([str(argument) for argument in arguments], connect)

    return command


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert err == ""
    return out.splitlines()


def told(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_from_upload_to_deletion(
    attachments: Attachments,
    service: FakeService,
    message: str,
    note: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert attachments("upload", note, "--message", message) == 0
    [line] = printed(capsys)
    assert re.fullmatch(r"\S{36}  ready      +16 bytes  note\.txt  document", line)
    attachment_id = line.split()[0]
    assert attachments("status", attachment_id, "--wait") == 0
    assert f"id               {attachment_id}".split() in [row.split() for row in printed(capsys)]
    assert attachments("list", "--message", message) == 0
    assert printed(capsys) == [line]
    place = tmp_path / "back.txt"
    assert attachments("download", attachment_id, "--output", place) == 0
    assert (printed(capsys), place.read_text()) == ([str(place)], note.read_text())
    other = service.message("alice", service.conversation("alice", "carol"))
    assert attachments("forward", attachment_id, "--message", other) == 0
    assert "note.txt" in printed(capsys)[0]
    assert attachments("delete", attachment_id, "--yes") == 0
    assert printed(capsys) == [f"{attachment_id}  deleted"]
    assert attachments("list", "--message", message) == 0
    assert printed(capsys) == []


def test_scripts_read_one_object_a_line(
    attachments: Attachments, message: str, note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attachments("upload", note, note, "--message", message, "--json") == 0
    records = [json.loads(line) for line in printed(capsys)]
    assert [record["status"] for record in records] == ["ready", "ready"]
    assert attachments("delete", records[0]["id"], "--yes", "--json") == 0
    assert [json.loads(line) for line in printed(capsys)] == [
        {"id": records[0]["id"], "status": "deleted"}
    ]


def test_scripts_read_errors_too(
    attachments: Attachments, note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attachments("upload", note, "--message", "no id", "--json") == 6
    error = json.loads(told(capsys))
    assert (error["subject"], error["error"]) == (str(note), "InvalidRequestError")
    assert (error["status"], error["type"], error["exit_code"]) == (422, "invalid-request", 6)
    assert error["request_id"]


def test_one_bad_file_does_not_stop_the_others(
    attachments: Attachments,
    message: str,
    note: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = tmp_path / "missing.txt"
    assert attachments("upload", missing, note, tmp_path, "--message", message) == 3
    out, err = capsys.readouterr()
    assert "note.txt" in out
    assert [line.partition(":")[0] for line in err.splitlines()] == [str(missing), str(tmp_path)]


def refused(status: int, **body: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=body)


def no_network(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no network")


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        (refused(401, detail="The token has expired."), 4, "The token has expired."),
        (refused(403, detail="Not allowed."), 4, "Not allowed."),
        (refused(404, detail="Not there."), 5, "Not there."),
        (refused(409, detail="It is changing."), 6, "It is changing."),
        (refused(429, message="Too Many Requests"), 8, "Too Many Requests"),
        (refused(500, message="Internal Server Error"), 8, "Internal Server Error"),
        (no_network, 8, "does not answer"),
        (lambda _: httpx.Response(200, text="Welcome to our hotel"), 1, "no JSON"),
    ],
    ids=["401", "403", "404", "409", "429", "500", "no network", "a hotel"],
)
def test_exit_codes_tell_what_to_do(
    attachments: Attachments,
    service: FakeService,
    capsys: pytest.CaptureFixture[str],
    before: Callable[[httpx.Request], httpx.Response],
    code: int,
    words: str,
) -> None:
    assert attachments("status", "some", over=Line(service, before)) == code
    assert words in told(capsys)


def test_a_rejected_file_has_an_exit_code_of_its_own(
    attachments: Attachments,
    service: FakeService,
    message: str,
    note: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.rejection = "There is a tent in it."
    assert attachments("upload", note, "--message", message) == 7
    assert "There is a tent in it." in told(capsys)


def test_every_error_has_a_documented_exit_code() -> None:
    documented = set(re.findall(r"^ +(\d+)  ", IN_WORDS, re.MULTILINE))
    readme = (ROOT / "client" / "README.md").read_text()
    assert set(re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)) == documented
    assert {str(code) for _, code in EXIT_CODES} <= documented
    known = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in known:
        if issubclass(kind, errors.OffChatError):
            assert str(code_of(kind.__new__(kind))) in documented


def test_nothing_is_deleted_without_a_yes(
    attachments: Attachments,
    service: FakeService,
    message: str,
    note: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with service.client("alice") as client:
        sent = client.upload(note, message_id=message)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        assert attachments("delete", sent.id) == 1
        assert client.get(sent.id).id == sent.id
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--message", "a", "--conversation", "b"],
        ["list", "--message", "a", "--from", "2026-01-01"],
        ["list", "--all", "--from", "yesterday"],
        ["list", "--all", "--type", "vidoe"],
        ["upload", "--message", "a"],
        ["upload", "file.txt"],
        ["download", "a", "b", "--output", "no-folder"],
        ["status"],
        ["sing"],
        ["status", "--token", "secret", "some"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_told(
    attachments: Attachments, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert attachments(*arguments) == 2
    assert "Usage:" in told(capsys)


@pytest.mark.parametrize("missing", ["OFFCHAT_API", "OFFCHAT_TOKEN"])
def test_what_is_not_set_is_told(
    attachments: Attachments,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    monkeypatch.delenv(missing)
    assert attachments("status", "some") == 2
    assert missing in told(capsys)


def test_a_token_file_is_read_anew(
    attachments: Attachments,
    service: FakeService,
    message: str,
    note: Path,
    token: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The token ends in the middle of an upload, and the file has a new one by then."""
    service.revoke(token)
    path = tmp_path / "token"
    first = service.token("alice")
    path.write_text(f"{first}\n")

    def renew(request: httpx.Request) -> None:
        if request.url.path.endswith("/upload/"):
            service.revoke(first)
            path.write_text(service.token("alice"))

    over = Line(service, after=renew)
    command = ("upload", note, "--message", message, "--token-file", path)
    assert attachments(*command, over=over) == 0
    assert "ready" in printed(capsys)[0]


def test_an_expired_token_is_told_and_the_next_run_goes_on(
    service: FakeService,
    token: str,
    message: str,
    note: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def expire(request: httpx.Request) -> None:
        if request.url.path.endswith("/upload/") and token in request.headers["authorization"]:
            service.revoke(token)

    line = Line(service, after=expire)
    journal = Journal()  # stands for the one on disk

    def connect(api: str, token: Any, **_: object) -> Client:
        return Client(api, token, transport=line, journal=journal, pause=lambda _: None)

    command = ["upload", str(note), "--message", message]
    assert run(command, connect) == 4
    assert "token" in told(capsys)
    monkeypatch.setenv("OFFCHAT_TOKEN", service.token("alice"))
    assert run(command, connect) == 0
    assert line.count("PUT", "uploads/") == 1


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe"])
def test_a_token_file_that_does_not_hold_is_told(
    attachments: Attachments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    assert attachments("status", "some", "--token-file", path) == 2
    assert "oken" in told(capsys)


def test_a_name_cannot_steer_the_terminal(
    attachments: Attachments,
    service: FakeService,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "a\x1b[2Jb\nc.txt"
    path.write_text("x")
    assert attachments("upload", path, "--message", message) == 0
    [line] = printed(capsys)
    assert "a\N{REPLACEMENT CHARACTER}[2Jb c.txt" in line


def test_a_terminal_shows_a_bar_and_keeps_the_results_apart(
    attachments: Attachments,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich's switch for "this is a terminal"
    path = tmp_path / "[red]note.txt"
    path.write_text("Bring the tent.\n")
    assert attachments("upload", path, "--message", message) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"\S{36}  ready .* \[red\]note\.txt  document\n", out)
    assert "[red]note.txt (being inspected)" in err
    assert "16/16 bytes" in err
    for quiet in ("--quiet", "--json"):
        assert attachments("upload", path, "--message", message, quiet) == 0
        assert capsys.readouterr().err == ""


def test_a_list_that_is_cut_says_so(
    attachments: Attachments, message: str, note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attachments("upload", note, note, "--message", message) == 0
    capsys.readouterr()
    assert attachments("list", "--message", message, "--limit", "1") == 0
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), "--limit" in err) == (1, True)
    assert attachments("list", "--message", message, "--limit", "2") == 0
    assert len(printed(capsys)) == 2


def test_admins_read_the_activity_log(
    attachments: Attachments,
    service: FakeService,
    message: str,
    note: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert attachments("upload", note, "--message", message) == 0
    attachment_id = printed(capsys)[0].split()[0]
    assert attachments("activity", "--attachment", attachment_id) == 4
    capsys.readouterr()
    monkeypatch.setenv("OFFCHAT_TOKEN", service.token("root", admin=True))
    assert attachments("activity", "--attachment", attachment_id) == 0
    [line, _] = printed(capsys)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  file_uploaded ", line)
    assert attachments("list", "--all", "--type", "document", "--from", "2026-01-01") == 0
    assert printed(capsys)[0].startswith(attachment_id)


def test_sizes_are_said_in_the_largest_unit_that_fits() -> None:
    assert [human_size(size) for size in (0, 1023, 1024, 1536, 100 * 2**20, 5 * 2**40)] == [
        "0 bytes",
        "1023 bytes",
        "1.0 KB",
        "1.5 KB",
        "100.0 MB",
        "5120.0 GB",
    ]


def test_the_installed_command_explains_itself() -> None:
    command = [str(Path(sys.executable).parent / "attachments"), "upload", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Usage: attachments upload [OPTIONS] FILE..." in shown
    assert "OFFCHAT_TOKEN" in shown


def test_a_server_that_is_down_is_told(note: Path, tmp_path: Path) -> None:
    environment = {
        "OFFCHAT_API": "http://127.0.0.1:9",
        "OFFCHAT_TOKEN": "token",
        "OFFCHAT_STATE_DIR": str(tmp_path / "state"),
    }
    code = (
        "import sys; from offchat_attachments.cli import commands, settings; "
        "connect = lambda *a, **k: settings.connect(*a, pause=lambda _: None, **k); "
        "sys.exit(commands.run(sys.argv[1:], connect))"
    )
    command = [sys.executable, "-c", code, "upload", str(note), "--message", "m"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (8, "")
    assert "does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr
