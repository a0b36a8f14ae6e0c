"""From a dropped file to its deletion, in a real browser."""

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.stack.client import Stack, eventually, note, sample

if TYPE_CHECKING:
    from playwright.sync_api import Response, Route

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def small() -> Path:
    return sample("mp4", seconds=2)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video above the size from which files go up in parts: a clip, and an empty box behind."""
    path = tmp_path_factory.mktemp("large") / "holiday.mp4"
    clip = sample("mp4", seconds=2).read_bytes()
    size = 22 * MEGABYTE - len(clip)
    path.write_bytes(clip + struct.pack(">I4s", size, b"free") + bytes(size - 8))
    return path


def message_place(stack: Stack) -> str:
    return f"#/messages/{stack.message()}"


def test_two_files_are_dropped_watched_played_saved_deleted_and_logged(
    visit: Visit, stack: Stack, small: Path, large: Path, tmp_path: Path
) -> None:
    sender = visit("sender", message_place(stack))
    sender.drop(small, large)
    sender.slow_upload(12 * MEGABYTE)
    sender.start()
    progress = sender.page.get_by_role("progressbar").first
    seen = sender.until(
        lambda: int(progress.get_attribute("aria-valuenow") or 0), lambda value: 0 < value < 100
    )
    assert 0 < seen < 100
    for name in (small.name, large.name):
        card = sender.card(name, "ready")
        card.wait_for()
        card.locator("img.picture.shown").wait_for()
        width = card.locator("img.picture").evaluate("picture => picture.naturalWidth")
        assert width == 320
    sender.slow_upload(-1)

    details = sender.open(large.name)
    details.get_by_role("button", name=f"Play {large.name}").click()
    assert playing(sender) > 0.2
    assert details.locator("video").evaluate("video => video.videoWidth") == 1280

    with sender.page.expect_download() as saving:
        details.get_by_role("button", name="Download").click()
    saved = tmp_path / "saved"
    saving.value.save_as(saved)
    assert saving.value.suggested_filename == large.name
    assert saved.read_bytes() == large.read_bytes()

    attachment_id = str(sender.card(large.name).get_attribute("data-id"))
    details.get_by_role("button", name="Delete").click()
    question = sender.page.get_by_role("alertdialog")
    question.get_by_role("button", name="Keep it").click()
    question.wait_for(state="detached")
    details.get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete").click()
    sender.card(large.name).wait_for(state="detached")
    assert sender.card(small.name).count() == 1
    assert stack.sender.get(f"/attachments/{attachment_id}/").status_code == 404

    admin = visit("admin", f"#/activity?attachment={attachment_id}")
    rows = admin.page.locator("tr[data-action]")
    rows.first.wait_for()
    assert [row.get_attribute("data-action") for row in rows.all()] == [
        "file_deleted",
        "file_downloaded",
        "file_downloaded",
        "file_uploaded",
        "upload_requested",
    ]


def test_an_upload_goes_on_where_the_network_cut_it(
    visit: Visit, stack: Stack, large: Path
) -> None:
    sender = visit("sender", message_place(stack))
    sent = parts_sent(sender)
    sender.drop(large)
    sender.slow_upload(6 * MEGABYTE)
    sender.start()
    sender.until(lambda: sent, lambda parts: len(parts) >= 2)
    sender.network(offline=True)
    sender.page.get_by_role("alert").filter(has_text="The connection was lost").wait_for()
    before = list(sent)
    assert 2 <= len(before) < 5
    sender.network(upload=-1)
    sender.card(large.name, "ready").wait_for()
    assert sorted(sent) == ["1", "2", "3", "4", "5"]
    assert sent[: len(before)] == before
    assert sender.page.locator(".failures li").count() == 0


def test_an_upload_whose_record_is_gone_begins_anew(
    visit: Visit, stack: Stack, large: Path
) -> None:
    sender = visit("sender", message_place(stack))
    sent = parts_sent(sender)
    sender.drop(large)
    sender.slow_upload(6 * MEGABYTE)
    sender.start()
    sender.until(lambda: sent, lambda parts: len(parts) >= 2)
    sender.network(offline=True)
    sender.page.get_by_role("alert").filter(has_text="The connection was lost").wait_for()
    sender.page.wait_for_timeout(2000)  # what was under way when the line was cut has ended
    lost = str(sender.card(large.name).get_attribute("data-id"))
    assert stack.sender.delete(f"/attachments/{lost}/").status_code == 200
    sender.network(upload=-1)
    sender.page.get_by_role("alert").filter(has_text="There is no such thing").wait_for()
    sender.page.get_by_role("button", name="Retry").first.click()
    found = sender.card(large.name, "ready")
    found.wait_for()
    assert found.get_attribute("data-id") != lost


def test_an_upload_can_be_paused_and_taken_back(visit: Visit, stack: Stack, large: Path) -> None:
    sender = visit("sender", message_place(stack))
    sent = parts_sent(sender)
    sender.drop(large)
    sender.slow_upload(6 * MEGABYTE)
    sender.start()
    sender.until(lambda: sent, bool)
    sender.page.get_by_role("button", name="Pause", exact=True).click()
    resume = sender.page.get_by_role("button", name="Resume", exact=True)
    resume.wait_for()
    # With the network at its fastest, all parts would arrive while another file goes up.
    sender.slow_upload(-1)
    before = len(sent)
    stack.sender.upload(stack.message(), note())
    sender.page.evaluate("() => 0")  # lets what was noted meanwhile come in
    assert len(sent) <= before + 1 < 5
    sender.slow_upload(6 * MEGABYTE)
    paused_at = len(sent)
    resume.click()
    sender.until(lambda: sent, lambda parts: len(parts) > paused_at)
    assert len(set(sent)) == len(sent)
    card = sender.card(large.name)
    attachment_id = str(card.get_attribute("data-id"))
    sender.page.get_by_role("button", name="Cancel").first.click()
    card.wait_for(state="detached")
    gone = eventually(
        lambda: stack.sender.get(f"/attachments/{attachment_id}/").status_code,
        lambda status: status == 404,
    )
    assert gone == 404


def test_a_refusal_is_told_in_the_apis_words(visit: Visit, stack: Stack, small: Path) -> None:
    """Only who sent a message may attach something to it."""
    participant = visit("participant", message_place(stack))
    participant.drop(small)
    participant.start()
    told = participant.page.locator(".failures li")
    told.wait_for()
    assert small.name in told.inner_text()
    assert "Not allowed" in told.inner_text()
    assert participant.page.locator(".card").count() == 0


def test_a_stranger_sees_nothing(visit: Visit, stack: Stack, small: Path) -> None:
    conversation = stack.conversation()
    message = stack.message(conversation)
    sender = visit("sender", f"#/messages/{message}")
    sender.send(small)
    attachment_id = sender.card(small.name).get_attribute("data-id")
    stranger = visit("stranger", f"#/messages/{message}")
    for place in (
        f"#/messages/{message}",
        f"#/conversations/{conversation}",
        f"#/open?open={attachment_id}",
        "#/everything",
        "#/activity",
    ):
        stranger.go(place)
        refusal = stranger.page.get_by_role("alert").filter(has_text="Not ")
        refusal.wait_for()
        assert stranger.page.locator(".card, tr[data-action], .facts").count() == 0
        assert small.name not in stranger.page.content()


def test_a_name_is_text_whatever_it_says(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&amp;.txt"
    file = tmp_path / name
    file.write_text("Bring the tent.")
    sender = visit("sender", message_place(stack))
    sender.send(file)
    details = sender.open(name)
    assert details.locator("h2").first.inner_text() == name
    assert sender.page.locator("img[src='x']").count() == 0


def test_a_url_that_expired_is_renewed_and_playing_goes_on(
    visit: Visit, stack: Stack, small: Path
) -> None:
    """The first URL is handed to the page as an expired one is: refused by S3, its time over."""
    sender = visit("sender", message_place(stack))
    sender.send(small)
    asked = []

    def answer(route: "Route") -> None:
        response = route.fetch()
        download = response.json()
        asked.append(download["url"])
        if len(asked) == 1:
            download |= {"url": f"{download['url']}0", "expires_at": "2020-01-01T00:00:00.000Z"}
        route.fulfill(response=response, body=json.dumps(download))

    sender.page.route("**/download/", answer)
    sender.open(small.name).get_by_role("button", name=f"Play {small.name}").click()
    assert playing(sender) > 0.2
    assert len(asked) == 2


def playing(visitor: Visitor) -> float:
    """How far the video has played, in seconds, once it is past its first frames."""
    position = "document.querySelector('video')?.currentTime ?? 0"
    return visitor.until(lambda: float(visitor.page.evaluate(position)), lambda s: s > 0.2)


def parts_sent(visitor: Visitor) -> list[str]:
    """Numbers of the parts that S3 took from now on, in order."""
    taken: list[str] = []

    def note(response: "Response") -> None:
        query = httpx.URL(response.url).params
        if response.request.method == "PUT" and "partNumber" in query and response.status == 200:
            taken.append(query["partNumber"])

    visitor.page.on("response", note)
    return taken
