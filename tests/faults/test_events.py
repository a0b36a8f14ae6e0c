"""Events and failures at the inspector's door: what is tried again, what is final, and what is no
business of ours."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from attachments import wiring
from attachments.activity import entry
from attachments.errors import NotFoundError, ObjectMissingError
from attachments.ids import new_id, utc_now
from attachments.model import Action, Attachment, Status
from tests.builders import pending
from tests.faults import calls
from tests.faults.boundaries import Boundaries, Fault
from tests.faults.cloud import Cloud, cloud
from tests.faults.failing import TRANSIENT, actions, failing
from tests.faults.scene import Scene

NOTE = b"Bring the tent.\n"
PASSING = [fault for fault in Fault if fault not in (Fault.KILLED, Fault.UNANSWERED)]


@pytest.fixture(scope="module")
def made() -> Iterator[Cloud]:
    with cloud("events") as made:
        yield made


@pytest.fixture
def scene(made: Cloud, at_once: None) -> Scene:
    """A conversation and its message. What the SDK tries again, it tries at once."""
    scene = Scene(made)
    scene.begin_anew()
    return scene


def sent(scene: Scene, *, video_only: bool = False) -> tuple[Attachment, dict[str, Any]]:
    """A note whose bytes have just arrived, and what S3's event says of the object."""
    attachment = asked(video_only=video_only)
    return attachment, arrive(scene, attachment)


def asked(**changes: Any) -> Attachment:
    """A pending record that waits for the note."""
    now = utc_now()
    attachment = pending(
        created_at=now, due_at=now + timedelta(hours=2), file_size=len(NOTE), **changes
    )
    note = entry(Action.UPLOAD_REQUESTED, attachment, user_id="sender", at=now)
    wiring.catalog().create(attachment, note)
    return attachment


def arrive(scene: Scene, attachment: Attachment, body: bytes = NOTE) -> dict[str, Any]:
    bucket = scene.cloud.settings.bucket
    answer = scene.cloud.s3.put_object(Bucket=bucket, Key=attachment.upload_key, Body=body)
    return {
        "key": attachment.upload_key,
        "size": len(body),
        "eTag": answer["ETag"].strip('"'),
        "versionId": answer["VersionId"],
    }


def deliver(scene: Scene, told: dict[str, Any], *, receive: int = 1) -> None:
    calls.deliver(calls.created(scene.cloud.settings.bucket, **told), receive=receive)


def record(attachment: Attachment) -> Attachment:
    return wiring.catalog().get(attachment.id)


# ---------------------------------------------------------------- tried again, and final


@pytest.mark.parametrize("operation", ["GetItem", "GetObject", "TransactWriteItems"])
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again_and_changes_nothing_meanwhile(
    scene: Scene, fault: Fault, operation: str
) -> None:
    attachment, told = sent(scene)
    with failing(fault, operation), pytest.raises(TRANSIENT):
        deliver(scene, told)
    assert record(attachment).status is (
        # The transaction took effect, only its answer was lost.
        Status.READY if (fault, operation) == (Fault.CUT, "TransactWriteItems") else Status.PENDING
    )
    deliver(scene, told, receive=2)
    assert record(attachment).status is Status.READY
    assert actions(attachment) == [Action.FILE_UPLOADED]


def test_a_broken_file_is_final(scene: Scene) -> None:
    attachment, told = sent(scene, video_only=True)
    deliver(scene, told)  # raises nothing: the message leaves the queue
    assert record(attachment).status is Status.REJECTED
    assert not scene.cloud.versions(attachment.upload_key)
    assert actions(attachment) == [Action.FILE_REJECTED]


@pytest.mark.parametrize("fault", PASSING)
def test_on_the_last_receive_the_record_says_failed_and_the_message_becomes_a_dead_letter(
    scene: Scene, fault: Fault
) -> None:
    attachment, told = sent(scene)
    with failing(fault, "GetObject"), pytest.raises(TRANSIENT):
        deliver(scene, told, receive=calls.RECEIVES)
    failed = record(attachment)
    assert failed.status is Status.FAILED
    assert failed.reason is not None
    assert failed.reason.startswith("The file could not be inspected")
    assert scene.cloud.versions(attachment.upload_key)
    deliver(scene, told)  # redriven
    assert record(attachment).status is Status.READY
    assert sorted(actions(attachment)) == [Action.FILE_FAILED, Action.FILE_UPLOADED]


# ---------------------------------------------------------------- duplicated, early, late, foreign


def test_the_same_event_three_times_is_one_upload(scene: Scene) -> None:
    attachment, told = sent(scene)
    for _ in range(3):
        deliver(scene, told)
    assert actions(attachment) == [Action.FILE_UPLOADED]
    [version] = scene.cloud.versions(attachment.upload_key)
    assert version["VersionId"] == told["versionId"]


def test_an_event_before_its_record_is_visible_comes_again(scene: Scene) -> None:
    early = {"key": f"uploads/{new_id()}", "size": 1, "eTag": "e", "versionId": "v"}
    for receive in (1, calls.RECEIVES):
        with pytest.raises(NotFoundError):
            deliver(scene, early, receive=receive)


def test_an_object_that_comes_after_its_upload_expired_is_removed(scene: Scene) -> None:
    attachment = asked()
    scene.cloud.clock.pass_time(timedelta(hours=3))
    calls.sweep()
    assert record(attachment).status is Status.EXPIRED
    deliver(scene, arrive(scene, attachment))
    assert not scene.cloud.versions(attachment.upload_key)
    assert actions(attachment) == [Action.UPLOAD_EXPIRED]


def test_an_intruding_version_is_removed_by_its_id_and_never_served(scene: Scene) -> None:
    attachment, told = sent(scene)
    before = arrive(scene, attachment, b"an intruder, before")  # before the first is judged
    deliver(scene, told)
    after = arrive(scene, attachment, b"an intruder, after")
    for intruder in (after, before, before):
        deliver(scene, intruder)
    [version] = scene.cloud.versions(attachment.upload_key)
    assert version["VersionId"] == told["versionId"]
    served = record(attachment).version
    assert served is not None
    assert served.version_id == told["versionId"]
    with pytest.raises(ObjectMissingError):
        wiring.storage().head(attachment.upload_key, before["versionId"])


@pytest.mark.parametrize("missing", [["versionId"], ["versionId", "eTag", "size"], ["sequencer"]])
def test_an_event_that_does_not_tell_everything_is_enough(scene: Scene, missing: list[str]) -> None:
    attachment, told = sent(scene)
    told["sequencer"] = "0061B8E1A5F2C3D4E5"
    for name in missing:
        del told[name]
    deliver(scene, told)
    assert record(attachment).status is Status.READY


@pytest.mark.parametrize(
    "body",
    [
        '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "events-files"}',
        '{"Records": []}',
        "no JSON",
        calls.created("somebody-elses", f"uploads/{new_id()}"),
        calls.created("events-files", f"thumbnails/{new_id()}/t.jpg"),
        calls.created("events-files", "uploads/a+b%20%C3%A9"),
        json.dumps({"Records": [{"eventName": "ObjectRemoved:Delete"}]}),
    ],
)
def test_what_is_no_business_of_ours_leaves_the_queue_without_a_request(
    scene: Scene, body: str
) -> None:
    clients = wiring.dynamodb(), wiring.storage()._client
    boundaries = Boundaries()
    boundaries.watch(*clients)
    calls.deliver(body)
    boundaries.leave(*clients)
    assert boundaries.calls == []
