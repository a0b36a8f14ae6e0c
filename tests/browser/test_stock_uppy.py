"""The stock `@uppy/aws-s3` of npm against our `sign` route, on a page with none of our code."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from dashboard.build import CACHE, HERE, hash_of, installed, once
from tests.stack.client import File, Json, Stack
from tests.stack.multipart import MEGABYTE, log_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

SOURCES = Path(__file__).parent / "stock_uppy"
PAGE = "<!doctype html><title>A stock Uppy</title><input type=file>"
PATIENCE_MS = 60_000  # a busy machine
LARGE = log_of(11 * MEGABYTE)  # parts of 5, 5 and 1


@pytest.fixture(scope="session")
def bundle() -> Path:
    """One script with Uppy's locked packages."""
    locked = hash_of(HERE, ("package-lock.json",))
    ours = hash_of(SOURCES, ("page.js", "vite.config.js"))

    def make(draft: Path) -> None:
        config = ("--config", str(SOURCES / "vite.config.js"), "--logLevel", "warn")
        installed().tool("vite/bin/vite.js", "build", *config, "--outDir", str(draft))

    return once(CACHE / f"stock-uppy-{ours}-{locked}", make) / "page.js"


class Uploader:
    """A stock Uppy of the sender in a window of its own; `sent` has what it asked of S3."""

    def __init__(self, page: "Page", stack: Stack, bundle: Path) -> None:
        self.page, self._stack = page, stack
        self.sent: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", self._note)
        # From there for its origin, which the bucket's CORS rules know: what it shows is replaced.
        page.goto(f"{stack.api}/config.json")
        page.set_content(PAGE)
        page.add_script_tag(content=bundle.read_text())

    def begin(self, on_part: str = "() => {}") -> None:
        """`on_part` is a function of the number of parts that arrived, and of the Uppy."""
        token = self._stack.description["tokens"]["sender"]
        self.page.evaluate(f"token => begin(token, {on_part})", token)

    def add(self, ticket: Json, file: File, folder: Path) -> None:
        path = folder / file.name
        path.write_bytes(file.body)
        self.page.set_input_files("input", path)
        self.page.evaluate("key => { window.fileId = add(key) }", ticket["upload"]["key"])

    def begin_and_pause(self, ticket: Json, file: File, folder: Path) -> None:
        """Upload until the first part has arrived; `window.upload` tells what becomes of it."""
        self.begin("(arrived, uppy) => { if (arrived === 1) uppy.pauseAll() }")
        self.add(ticket, file, folder)
        self.page.evaluate("() => { window.upload = outcome(uppy.upload()) }")
        self.until("() => uppy.getFile(fileId).isPaused")

    def outcome(self, act: str) -> str:
        found: str = self.page.evaluate(f"() => outcome({act})")
        return found

    def until(self, condition: str) -> None:
        self.page.wait_for_function(condition)

    def _note(self, request: "Request") -> None:
        """Method and what the query names of the upload, in the order of the requests."""
        url = httpx.URL(request.url)
        if not url.path.partition("/uploads/")[2] or request.method == "OPTIONS":
            return
        named = [name for name in ("uploads", "partNumber", "uploadId") if name in url.params]
        number = url.params.get("partNumber", "")
        self.sent.append(" ".join([request.method, *named[:1]]) + number)


@pytest.fixture
def uploader(browser: "Browser", stack: Stack, bundle: Path) -> Iterator[Uploader]:
    with closing(browser.new_context(bypass_csp=True)) as context:
        yield Uploader(context.new_page(), stack, bundle)


@pytest.fixture
def message(stack: Stack) -> str:
    return stack.message()


def assert_whole(stack: Stack, ticket: Json, file: File) -> None:
    """What became ready is the file, byte for byte."""
    assert stack.sender.settled(ticket["id"])["status"] == "ready"
    url = stack.sender.get(f"/attachments/{ticket['id']}/download/").json()["url"]
    assert httpx.get(url, timeout=60).content == file.body


def begun(stack: Stack, ticket: Json) -> list[str]:
    """The uploads in parts to the attachment's key that S3 still knows."""
    listed = stack.s3.list_multipart_uploads(Bucket=stack.description["bucket"])
    key = ticket["upload"]["key"]
    return [found["UploadId"] for found in listed.get("Uploads", []) if found["Key"] == key]


def test_a_small_file_goes_up_by_put_object(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    file = log_of(2000)
    ticket = stack.sender.ask(message, file)
    uploader.begin()
    uploader.add(ticket, file, tmp_path)
    assert uploader.outcome("uppy.upload()") == "uploaded"
    assert uploader.sent == ["PUT"]
    assert_whole(stack, ticket, file)


def test_a_large_file_goes_up_in_parts(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    ticket = stack.sender.ask(message, LARGE)
    uploader.begin()
    uploader.add(ticket, LARGE, tmp_path)
    assert uploader.outcome("uppy.upload()") == "uploaded"
    parts = [f"PUT partNumber{number}" for number in (1, 2, 3)]
    assert uploader.sent == ["POST uploads", *parts, "POST uploadId"]
    assert_whole(stack, ticket, LARGE)


def test_a_paused_upload_goes_on_with_what_is_missing(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    ticket = stack.sender.ask(message, LARGE)
    uploader.begin_and_pause(ticket, LARGE, tmp_path)
    assert uploader.sent == ["POST uploads", "PUT partNumber1"]
    uploader.page.evaluate("() => uppy.resumeAll()")
    assert uploader.page.evaluate("() => window.upload") == "uploaded"
    rest = ["GET uploadId", "PUT partNumber2", "PUT partNumber3", "POST uploadId"]
    assert uploader.sent[2:] == rest
    assert_whole(stack, ticket, LARGE)


def test_an_upload_that_lost_the_network_goes_on_with_what_is_missing(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    ticket = stack.sender.ask(message, LARGE)
    uploader.begin_and_pause(ticket, LARGE, tmp_path)
    # Paused only to know where it is: the network goes, and the upload meets that by itself.
    uploader.page.context.set_offline(True)
    uploader.page.evaluate("() => uppy.resumeAll()")
    uploader.until("() => !navigator.onLine")
    uploader.page.context.set_offline(False)
    outcome = uploader.page.evaluate("() => window.upload")
    if outcome != "uploaded":
        outcome = uploader.outcome("uppy.retryAll()")
    assert outcome == "uploaded"
    assert [sent for sent in uploader.sent if sent.startswith("PUT")].count("PUT partNumber1") == 1
    assert "GET uploadId" in uploader.sent
    assert_whole(stack, ticket, LARGE)


def test_a_removed_file_aborts_its_upload(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    ticket = stack.sender.ask(message, LARGE)
    uploader.begin_and_pause(ticket, LARGE, tmp_path)
    assert len(begun(stack, ticket)) == 1
    with uploader.page.expect_response(
        lambda answer: answer.request.method == "DELETE"
    ) as aborting:
        uploader.page.evaluate("() => uppy.removeFile(fileId)")
    assert aborting.value.status == 204
    assert begun(stack, ticket) == []
    assert stack.sender.attachment(ticket["id"])["status"] == "pending"


def test_more_bytes_than_were_declared_are_refused_and_the_user_is_told(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    ticket = stack.sender.ask(message, log_of(11 * MEGABYTE - 1))
    uploader.begin()
    uploader.add(ticket, LARGE, tmp_path)
    assert re.search("403|SignatureDoesNotMatch", uploader.outcome("uppy.upload()"))
    assert stack.stored(ticket["id"]) == []


def test_what_our_server_refuses_is_told_in_its_words(
    uploader: Uploader, stack: Stack, message: str, tmp_path: Path
) -> None:
    file = log_of(2000)
    ticket = stack.sender.ask(message, file)
    uploader.begin()
    uploader.add(ticket, file, tmp_path)
    assert stack.sender.delete(f"/attachments/{ticket['id']}/").status_code == 200
    assert "There is no such thing, or not for you." in uploader.outcome("uppy.upload()")
