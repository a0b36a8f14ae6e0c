"""What other systems are told of a change, and what comes again when the bus does not take it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.model import Attachment, Status
from functions.announce import app
from functions.announce.announcements import announcement_of
from functions.announce.announcer import Announcer
from functions.announce.changes import change_of
from tests.builders import MEDIA, NOON, in_state, pending
from tests.event_schemas import broken
from tests.fakes import MemoryCounters
from tests.streamed import Record, record

ROOT = Path(__file__).parents[2]


class Bus:
    """EventBridge; it does not take entries about the attachments in `refused`. What it takes is as
    documented."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.calls: list[int] = []
        self.refused: set[str] = set()

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(len(Entries))
        answers = []
        for entry in Entries:
            if json.loads(entry["Detail"])["data"]["id"] in self.refused:
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "Later."})
            else:
                assert broken(json.loads(entry["Detail"])) == []
                self.entries.append(entry)
                answers.append({"EventId": str(len(self.entries))})
        failed = sum("ErrorCode" in answer for answer in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    @property
    def told(self) -> list[tuple[str, str]]:
        return [
            (entry["DetailType"], json.loads(entry["Detail"])["data"]["id"])
            for entry in self.entries
        ]


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus, counters = Bus(), MemoryCounters()
    with (
        patch.object(app, "announcer", lambda: Announcer(bus, "the-bus")),  # type: ignore[arg-type]
        patch.object(wiring, "counters", lambda: counters),
    ):
        yield bus


def handle(*records: Record) -> list[str]:
    """The sequence numbers that must come again."""
    answer = app.handler({"Records": list(records)}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def became(status: Status, *, number: int = 1, **changes: Any) -> Record:
    before = pending(**changes)
    return record(before, in_state(before, status), number=number)


# ---------------------------------------------------------------- what is told


@pytest.mark.parametrize("status", [Status.READY, Status.REJECTED, Status.FAILED, Status.DELETED])
def test_each_of_the_four_states_is_told_once_with_the_ids_of_where_it_belongs(
    bus: Bus, status: Status
) -> None:
    before = pending()
    assert handle(record(before, in_state(before, status))) == []
    [entry] = bus.entries
    detail = json.loads(entry["Detail"])
    assert entry["EventBusName"] == "the-bus"
    assert entry["Source"] == "offchat.attachments"
    assert entry["DetailType"] == detail["type"] == f"attachment.{status}"
    assert entry["Time"] == NOON
    told = detail["data"]
    assert told["id"] == before.id
    assert told["message_id"] == before.message_id
    assert told["conversation_id"] == before.conversation_id
    assert told["uploaded_by"] == before.uploaded_by
    assert told["revision"] == 2


def test_a_ready_video_is_told_with_its_measures(bus: Bus) -> None:
    handle(became(Status.READY))
    told = json.loads(bus.entries[0]["Detail"])["data"]
    assert (told["duration_ms"], told["width"], told["height"]) == (
        MEDIA.duration_ms,
        MEDIA.width,
        MEDIA.height,
    )
    assert told["has_thumbnail"] is True


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
def test_what_is_refused_is_told_with_its_reason(bus: Bus, status: Status) -> None:
    before = pending()
    after = in_state(before, status)
    handle(record(before, after))
    assert json.loads(bus.entries[0]["Detail"])["data"]["reason"] == after.reason


def test_a_deletion_is_told_with_what_was_deleted(bus: Bus) -> None:
    before = in_state(pending(), Status.READY)
    handle(record(before, before.deleted(now=NOON)))
    assert json.loads(bus.entries[0]["Detail"])["data"]["was"] == "ready"


def test_no_event_tells_a_name_a_key_or_a_url(bus: Bus) -> None:
    for status in (Status.READY, Status.REJECTED, Status.FAILED, Status.DELETED):
        handle(became(status, file_name="my secret.mp4"))
    told = json.dumps([entry["Detail"] for entry in bus.entries])
    assert "my secret" not in told
    assert "uploads/" not in told
    assert "thumbnails/" not in told
    assert "http" not in told


def silent_changes() -> list[tuple[str, Attachment | None, Attachment | None]]:
    new = pending()
    ready = in_state(pending(), Status.READY)
    gone = in_state(pending(), Status.DELETED)
    expired = in_state(pending(), Status.EXPIRED)
    purged = gone.purged(now=NOON, keep=NOON - NOON)
    return [
        ("is asked for", None, new),
        ("is signed again", new, new.renewed(due_at=NOON)),
        ("expires", new, new.expired(now=NOON, keep=NOON - NOON)),
        ("loses its bytes", ready, ready.lost()),
        ("is purged", gone, purged),
        ("is anonymised", purged, purged.anonymised("somebody")),
        ("outlives its tombstone", gone, None),
        ("outlives its deadline", expired, None),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [(old, new) for _, old, new in silent_changes()],
    ids=[name for name, _, _ in silent_changes()],
)
def test_nothing_is_told_of_an_attachment_that(
    bus: Bus, old: Attachment | None, new: Attachment | None
) -> None:
    assert handle(record(old, new)) == []
    assert bus.calls == []


# ---------------------------------------------------------------- ids


def test_a_duplicate_carries_the_same_id_and_the_same_words(bus: Bus) -> None:
    change = became(Status.READY)
    handle(change)
    handle(change)
    first, second = bus.entries
    assert first == second


def test_every_change_has_an_id_of_its_own(bus: Bus) -> None:
    before = pending()
    failed = in_state(before, Status.FAILED)
    ready = in_state(failed, Status.READY)
    deleted = in_state(ready, Status.DELETED)
    handle(record(before, failed), record(failed, ready), record(ready, deleted))
    handle(became(Status.READY))
    ids = [json.loads(entry["Detail"])["id"] for entry in bus.entries]
    assert len(set(ids)) == len(ids) == 4


def test_the_id_does_not_depend_on_where_or_when_it_is_made() -> None:
    """Pinned: whoever keeps ids would take an event of another id for another event."""
    event = json.loads((ROOT / "events" / "announce.json").read_text())
    announcement = announcement_of(change_of(event["Records"][0]))
    assert announcement is not None
    assert str(announcement.id) == "36e90c30-35bc-5c9e-b1dd-5b4ab136298a"


# ---------------------------------------------------------------- what comes again


def test_exactly_what_the_bus_did_not_take_comes_again(bus: Bus) -> None:
    befores = [pending() for _ in range(25)]
    records = [
        record(before, in_state(before, Status.READY), number=number)
        for number, before in enumerate(befores)
    ]
    bus.refused = {befores[number].id for number in (3, 11, 24)}
    assert handle(*records) == ["3", "11", "24"]
    assert [told for _, told in bus.told] == [
        before.id for before in befores if before.id not in bus.refused
    ]
    bus.refused = set()
    assert handle(*records[3:]) == []
    assert {told for _, told in bus.told} == {before.id for before in befores}


def test_ten_events_go_in_one_call(bus: Bus) -> None:
    records = [became(Status.READY, number=number) for number in range(25)]
    handle(*records)
    assert bus.calls == [10, 10, 5]


def test_changes_are_told_in_their_order(bus: Bus) -> None:
    before = pending()
    ready = in_state(before, Status.READY)
    handle(
        record(before, ready, number=1), record(ready, in_state(ready, Status.DELETED), number=2)
    )
    assert [kind for kind, _ in bus.told] == ["attachment.ready", "attachment.deleted"]


def test_sequence_numbers_are_told_in_the_order_of_the_stream(bus: Bus) -> None:
    """They are numbers of several lengths, not words."""
    befores = [pending(), pending()]
    bus.refused = {before.id for before in befores}
    records = [
        record(before, in_state(before, Status.READY), number=number)
        for number, before in zip((9, 10), befores, strict=True)
    ]
    assert handle(*records) == ["9", "10"]


def test_a_record_that_cannot_be_read_comes_again_and_holds_up_no_other(bus: Bus) -> None:
    broken = became(Status.READY, number=1)
    broken["dynamodb"]["NewImage"]["status"] = {"S": "unheard of"}
    assert handle(broken, became(Status.READY, number=2)) == ["1"]
    assert len(bus.entries) == 1


def test_a_record_without_images_comes_again(bus: Bus) -> None:
    broken = became(Status.READY, number=7)
    del broken["dynamodb"]["NewImage"], broken["dynamodb"]["OldImage"]
    assert handle(broken) == ["7"]


def test_every_consumer_hears_of_every_change_and_each_may_ask_for_it_again(bus: Bus) -> None:
    heard: list[str] = []

    def other(changes: Any) -> set[str]:
        heard.extend(change.sequence_number for change in changes)
        return {"2"}

    with patch.object(app, "CONSUMERS", (app.announce, other)):
        again = handle(became(Status.READY, number=1), record(None, pending(), number=2))
    assert (heard, again) == (["1", "2"], ["2"])
    assert len(bus.entries) == 1
