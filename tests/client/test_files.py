"""Files of this machine: what is sent, and what a download leaves behind."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from offchat_attachments import (
    FileError,
    FileExistsAlreadyError,
    NetworkError,
    NotReadyError,
    UnexpectedAnswerError,
)
from offchat_attachments.local_file import LocalFile
from offchat_attachments.testing import FakeService
from tests.client.conftest import Line

BODY = bytes(range(256)) * 4096


def not_there(folder: Path) -> Path:
    return folder / "missing.txt"


def a_folder(folder: Path) -> Path:
    return folder


def empty(folder: Path) -> Path:
    (folder / "empty.txt").touch()
    return folder / "empty.txt"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def a_dangling_link(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "missing.txt")
    return folder / "link"


def of_no_name(folder: Path) -> Path:
    return folder / "nul\0"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (not_there, "No such file"),
        (a_folder, "is a folder"),
        (empty, "is empty"),
        (a_pipe, "not a plain file"),
        (a_dangling_link, "No such file"),
        (of_no_name, "cannot be read"),
        (lambda _: Path("/proc/self/mem"), "is empty"),
    ],
)
def test_what_is_no_file_to_send_is_told(
    service: FakeService, message: str, tmp_path: Path, make: Callable[[Path], Path], told: str
) -> None:
    line = Line(service)
    with service.client("alice", transport=line) as client, pytest.raises(FileError, match=told):
        client.upload(make(tmp_path), message_id=message)
    assert line.sent == []


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.mp4", "video/mp4"),
        ("a.MKV", "video/x-matroska"),
        ("a.webm", "video/webm"),
        ("a.mov", "video/quicktime"),
        ("a.txt", "text/plain"),
        ("a.pdf", "application/pdf"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_type_comes_from_the_name(tmp_path: Path, name: str, mime_type: str) -> None:
    (tmp_path / name).write_text("x")
    with LocalFile.open(tmp_path / name) as file:
        assert file.mime_type == mime_type


def test_a_name_that_is_no_text_is_sent_as_what_can_be_read(
    service: FakeService, message: str, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("x")
    with service.client("alice") as client:
        assert (
            client.upload(path, message_id=message).file_name == "caf\N{REPLACEMENT CHARACTER}.txt"
        )


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, which reads everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_may_not_be_read_is_told(
    service: FakeService, message: str, note: Path
) -> None:
    note.chmod(0)
    with (
        service.client("alice") as client,
        as_nobody(),
        pytest.raises(FileError, match="Permission denied"),
    ):
        client.upload(note, message_id=message)


# ---------------------------------------------------------------- downloads


@pytest.fixture
def attachment_id(service: FakeService, message: str, tmp_path: Path) -> str:
    (tmp_path / "sent").mkdir()
    path = tmp_path / "sent" / "holiday.mp4"
    path.write_bytes(BODY)
    with service.client("alice") as client:
        return client.upload(path, message_id=message).id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


class BreakingStream(httpx.SyncByteStream):
    """So much of a body, and then the connection is gone."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        raise httpx.ReadError("the connection is gone")


def breaking(service: FakeService, piece: int, times: int) -> httpx.BaseTransport:
    """A line that breaks after `piece` bytes of each of the first downloads."""
    number = count(1)

    class Breaking(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = service.handle_request(request)
            if request.url.host != "bucket.invalid" or next(number) > times:
                return answer
            stream = BreakingStream(answer.read()[:piece])
            return httpx.Response(answer.status_code, stream=stream)

    return Breaking()


def test_a_file_lands_in_a_folder_under_its_own_name(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    with service.client("bob") as client:
        place = client.download(attachment_id, folder)
    assert place == folder / "holiday.mp4"
    assert place.read_bytes() == BODY
    assert list(folder.iterdir()) == [place]


def test_a_broken_download_goes_on_by_range(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    seen: list[int] = []
    line = Line(breaking(service, 300_000, times=3))
    with service.client("bob", transport=line) as client:
        place = client.download(attachment_id, folder, progress=lambda done, _: seen.append(done))
    assert place.read_bytes() == BODY
    assert seen == sorted(seen)
    assert seen[-1] == len(BODY)
    assert line.count("GET", "/download/") == 1


def test_a_download_that_was_given_up_goes_on_later(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    line = breaking(service, 100_000, times=6)
    with service.client("bob", transport=line) as client:
        with pytest.raises(NetworkError):
            client.download(attachment_id, folder)
        assert not (folder / "holiday.mp4").exists()
        [draft] = folder.iterdir()
        assert draft.stat().st_size == 600_000
        assert client.download(attachment_id, folder).read_bytes() == BODY
    assert [path.name for path in folder.iterdir()] == ["holiday.mp4"]


def test_an_expired_url_is_asked_for_anew(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    number = count(1)

    def expire(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "bucket.invalid" or next(number) != 1:
            return None
        body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        return httpx.Response(403, text=body)

    line = Line(service, before=expire)
    with service.client("bob", transport=line) as client:
        assert client.download(attachment_id, folder).read_bytes() == BODY
    assert line.count("GET", "/download/") == 2


def test_a_longer_file_than_told_is_not_kept(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    for key in service.bucket.objects:
        service.bucket.objects[key] += b"more"
    with service.client("bob") as client, pytest.raises(UnexpectedAnswerError):
        client.download(attachment_id, folder)
    assert list(folder.iterdir()) == []


def test_a_file_that_is_there_stays(service: FakeService, attachment_id: str, folder: Path) -> None:
    mine = folder / "holiday.mp4"
    mine.write_text("mine")
    with service.client("bob") as client:
        with pytest.raises(FileExistsAlreadyError):
            client.download(attachment_id, folder)
        assert mine.read_text() == "mine"
        client.download(attachment_id, folder, force=True)
    assert mine.read_bytes() == BODY
    assert list(folder.iterdir()) == [mine]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process can grow beyond this: what a full disk does, for one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_nothing_is_left(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    with (
        service.client("bob") as client,
        disk_of(len(BODY) // 2),
        pytest.raises(FileError, match="cannot be written"),
    ):
        client.download(attachment_id, folder)
    assert list(folder.iterdir()) == []


def test_a_place_that_is_none_is_told(
    service: FakeService, attachment_id: str, folder: Path
) -> None:
    with service.client("bob") as client, pytest.raises(FileError, match="cannot be written"):
        client.download(attachment_id, folder / "not there" / "x.mp4")


def test_what_is_not_ready_is_told_with_its_reason(
    service: FakeService, message: str, note: Path, folder: Path
) -> None:
    service.inspecting = False
    with service.client("alice") as client:
        sent = client.upload(note, message_id=message, wait=False)
        service.inspect(sent.id, rejection="There is a tent in it.")
        with pytest.raises(NotReadyError, match="There is a tent in it"):
            client.download(sent.id, folder)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Windows\\notes.txt", "notes.txt"),
        ("..", None),
        ("...", None),
        ("a\x1b[31m\n.txt", "a[31m.txt"),
        (".bashrc", "bashrc"),
        ("", None),
    ],
)
def test_a_name_never_leads_out_of_the_folder(
    service: FakeService, message: str, note: Path, folder: Path, told: str, name: str | None
) -> None:
    """Whatever a server says; the real one cleans names."""
    with service.client("alice") as client:
        sent = client.upload(note, message_id=message)

    def lie(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith(f"{sent.id}/"):
            return None
        return httpx.Response(200, json={**sent.json, "file_name": told})

    with service.client("alice", transport=Line(service, before=lie)) as client:
        assert client.download(sent.id, folder) == folder / (name or sent.id)
