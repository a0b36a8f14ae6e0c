"""What becomes of an uploaded object, whatever is delivered how often."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from attachments.errors import NotFoundError, StaleRecordError
from attachments.file_types import too_large
from attachments.ids import new_id
from attachments.model import Action, Activity, Attachment, FileType, Media, ObjectVersion, Status
from attachments.settings import MEGABYTE as MB
from functions.inspect_upload.events import ObjectCreated
from functions.inspect_upload.findings import Accepted, Declared, Finding, Picture, Refused
from functions.inspect_upload.inspect import Inspection
from functions.inspect_upload.object_reader import ObjectReader
from functions.inspect_upload.sandbox import Sandbox
from tests.builders import MESSAGE, NOON, TOMBSTONE_LIFE, VIDEO, in_state, settings_of
from tests.fakes import CrashError, MemoryCatalog, World

MEDIA = Media(duration_ms=1500, width=640, height=360)
PICTURE = Picture(b"a JPEG", 320, 180, 1000, "placeholder")
GOOD = Accepted(file_type=FileType.VIDEO, mime_type="video/mp4", media=MEDIA, picture=PICTURE)
AT = NOON + timedelta(seconds=5)


@dataclass
class FakeExamine:
    """Finds what it is told to find; `meanwhile` happens while it looks."""

    finding: Finding | Exception = GOOD
    meanwhile: Callable[[], object] = lambda: None
    seen: list[tuple[bytes, Declared]] = field(default_factory=list)

    def __call__(self, reader: ObjectReader, declared: Declared, *, sandbox: Sandbox) -> Finding:
        self.seen.append((b"".join(reader.stream(0, reader.size)), declared))
        self.meanwhile()
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding


def inspection(world: World, examine: FakeExamine, **settings: Any) -> Inspection:
    return Inspection(
        catalog=world.catalog,
        storage=world.storage,
        deletion=world.deletion,
        settings=settings_of(**settings),
        sandbox=Sandbox(Path("/nowhere")),
        clock=world.clock,
        examine=examine,
    )


def run(
    world: World,
    created: ObjectCreated,
    finding: Finding | Exception = GOOD,
    *,
    last_try: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
    **settings: Any,
) -> str:
    examine = FakeExamine(finding, meanwhile)
    return inspection(world, examine, **settings).run(created, last_try=last_try)


def uploaded(world: World, body: bytes = VIDEO, **changes: Any) -> tuple[Attachment, ObjectCreated]:
    """A pending attachment whose bytes have just arrived, and the event that tells of it."""
    attachment = world.add(Status.PENDING, **changes)
    return attachment, arrived(world, attachment, body)


def arrived(world: World, attachment: Attachment, body: bytes = VIDEO) -> ObjectCreated:
    version = world.storage.arrive(attachment.upload_key, body)
    return ObjectCreated(attachment.id, version, AT)


# ---------------------------------------------------------------- ready


def test_a_good_upload_is_ready_with_what_was_found_in_it(world: World) -> None:
    attachment, created = uploaded(world)
    assert run(world, created) == "ready"
    record = world.catalog.get(attachment.id)
    assert (record.status, record.reason, record.due_at) == (Status.READY, None, None)
    assert record.version == world.storage.head(attachment.upload_key)
    assert (record.media, record.uploaded_at) == (MEDIA, AT)
    assert record.placeholder == "placeholder"
    assert record.thumbnail is not None
    assert (record.thumbnail.width, record.thumbnail.height) == (320, 180)
    assert record.thumbnail.at_ms == 1000
    assert record.thumbnail.key.startswith(attachment.thumbnail_prefix)
    assert world.storage.keys() == {attachment.upload_key, record.thumbnail.key}
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.FILE_UPLOADED, "sender")


def test_what_is_inspected_is_the_version_of_the_event(world: World) -> None:
    attachment, created = uploaded(world)
    world.storage.arrive(attachment.upload_key, b"something else, later")
    examine = FakeExamine()
    inspection(world, examine).run(created, last_try=False)
    assert examine.seen == [(VIDEO, Declared("holiday.mp4", "video/mp4", video_only=False))]
    version = world.catalog.get(attachment.id).version
    assert version is not None
    assert version == created.version


def test_an_event_without_a_version_means_the_newest(world: World) -> None:
    attachment, created = uploaded(world)
    assert run(world, ObjectCreated(attachment.id, None, AT)) == "ready"
    version = world.catalog.get(attachment.id).version
    assert version is not None
    assert version == created.version


def test_the_type_that_was_found_replaces_the_declared_one(world: World) -> None:
    attachment, created = uploaded(world)
    sound = Accepted(file_type=FileType.AUDIO, mime_type="audio/ogg", note="It has no picture.")
    assert run(world, created, sound) == "ready"
    record = world.catalog.get(attachment.id)
    assert (record.file_type, record.mime_type) == (FileType.AUDIO, "audio/ogg")
    assert (record.thumbnail, record.reason) == (None, "It has no picture.")


def test_the_inspectors_hear_how_the_file_came(world: World) -> None:
    _, created = uploaded(world, video_only=True, file_name="a.mov", mime_type="video/quicktime")
    examine = FakeExamine()
    inspection(world, examine).run(created, last_try=False)
    assert examine.seen[0][1] == Declared("a.mov", "video/quicktime", video_only=True)


# ---------------------------------------------------------------- the same event again


def test_the_same_event_three_times_makes_one_entry_and_one_thumbnail(world: World) -> None:
    attachment, created = uploaded(world)
    assert [run(world, created) for _ in range(3)] == ["ready", "duplicate", "duplicate"]
    assert world.activity.actions() == [Action.FILE_UPLOADED]
    assert len(world.storage.keys()) == 2
    assert world.storage.delete_all(attachment.thumbnail_prefix) == 1


def test_two_inspections_at_once_make_one_entry_and_one_thumbnail(world: World) -> None:
    attachment, created = uploaded(world)
    outcome = run(world, created, meanwhile=lambda: run(world, created))
    assert outcome == "duplicate"
    assert world.catalog.get(attachment.id).status is Status.READY
    assert world.activity.actions() == [Action.FILE_UPLOADED]
    assert world.storage.delete_all(attachment.thumbnail_prefix) == 1


def test_a_crash_after_each_step_is_made_good_by_the_retry() -> None:
    for step in (1, 2):
        world = World()
        attachment, created = uploaded(world)
        world.fuse.light(step)
        with pytest.raises(CrashError):
            run(world, created)
        assert run(world, created) == {1: "ready", 2: "duplicate"}[step]
        assert world.catalog.get(attachment.id).status is Status.READY
        assert world.activity.actions() == [Action.FILE_UPLOADED]
        assert world.storage.delete_all(attachment.thumbnail_prefix) == 1


def test_an_object_whose_record_is_not_there_yet_is_retried(world: World) -> None:
    with pytest.raises(NotFoundError):
        run(world, ObjectCreated(new_id(), None, AT))


def test_an_object_whose_record_is_past_its_ttl_has_none(world: World) -> None:
    attachment = world.add(Status.EXPIRED)
    late = arrived(world, attachment)
    world.pass_time(TOMBSTONE_LIFE)
    with pytest.raises(NotFoundError):
        run(world, late)


@pytest.mark.parametrize("version", [None, ObjectVersion("v1", "e", len(VIDEO))])
def test_an_object_that_is_gone_is_no_matter(world: World, version: ObjectVersion | None) -> None:
    attachment = world.add(Status.PENDING)
    assert run(world, ObjectCreated(attachment.id, version, AT)) == "gone"
    assert world.catalog.get(attachment.id) == attachment


# ---------------------------------------------------------------- intruders and latecomers


def test_a_second_object_after_the_first_was_accepted_is_removed(world: World) -> None:
    attachment, created = uploaded(world)
    run(world, created)
    record, keys = world.catalog.get(attachment.id), world.storage.keys()
    second = arrived(world, attachment, b"an intruder")
    assert run(world, second) == "removed"
    assert world.catalog.get(attachment.id) == record
    assert world.storage.keys() == keys
    assert world.storage.head(attachment.upload_key) == record.version


@pytest.mark.parametrize("status", [Status.REJECTED, Status.EXPIRED, Status.DELETED])
def test_an_object_for_a_record_that_is_over_is_removed(world: World, status: Status) -> None:
    attachment = world.add(status)
    late = arrived(world, attachment)
    world.storage.put_once(f"{attachment.thumbnail_prefix}t.jpg", b"x", mime_type="image/jpeg")
    assert run(world, late) == "removed"
    assert world.catalog.get(attachment.id) == attachment
    assert f"{attachment.thumbnail_prefix}t.jpg" not in world.storage.keys()  # noqa: SIM118
    assert not world.activity.entries


def test_an_object_that_arrives_after_its_deletion_brings_nothing_back(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.deletion.attachment(attachment, user_id="sender", admin_override=False)
    late = arrived(world, attachment)
    assert run(world, late) == "removed"
    assert not world.storage.keys()
    assert world.catalog.get(attachment.id).status is Status.DELETED


def test_a_deletion_during_inspection_wins_and_no_byte_is_left(world: World) -> None:
    attachment, created = uploaded(world)

    def delete() -> None:
        world.deletion.attachment(attachment, user_id="sender", admin_override=False)

    assert run(world, created, meanwhile=delete) == "removed"
    assert world.catalog.get(attachment.id).status is Status.DELETED
    assert not world.storage.keys()
    assert world.activity.actions() == [Action.FILE_DELETED]


def test_nothing_becomes_ready_whose_message_was_deleted_meanwhile(world: World) -> None:
    attachment, created = uploaded(world)
    outcome = run(world, created, meanwhile=lambda: world.chat.delete_message(MESSAGE, 2, NOON))
    assert outcome == "deleted"
    record = world.catalog.get(attachment.id)
    assert record.status is Status.DELETED
    assert record.expires_at == NOON + TOMBSTONE_LIFE
    assert not world.storage.keys()


# ---------------------------------------------------------------- rejected


def test_what_is_refused_is_rejected_with_its_reason_and_its_bytes_are_gone(world: World) -> None:
    attachment, created = uploaded(world)
    assert run(world, created, Refused("This is a PNG image, not a video.")) == "rejected"
    record = world.catalog.get(attachment.id)
    assert (record.status, record.reason) == (Status.REJECTED, "This is a PNG image, not a video.")
    assert (record.due_at, record.expires_at) == (None, None)
    assert not world.storage.keys()
    [logged] = world.activity.entries
    assert (logged.action, logged.description) == (Action.FILE_REJECTED, record.reason)


def test_a_rejection_that_was_cut_off_is_finished_by_the_retry(world: World) -> None:
    attachment, created = uploaded(world)
    world.fuse.light(1)
    with pytest.raises(CrashError):
        run(world, created, Refused("No."))
    assert world.catalog.get(attachment.id).status is Status.REJECTED
    assert run(world, created, Refused("No.")) == "removed"
    assert not world.storage.keys()
    assert world.activity.actions() == [Action.FILE_REJECTED]


def test_another_size_than_declared_is_rejected_unread(world: World) -> None:
    attachment, created = uploaded(world, VIDEO + b"!")
    examine = FakeExamine()
    assert inspection(world, examine).run(created, last_try=False) == "rejected"
    assert not examine.seen
    size = len(VIDEO)
    reason = f"{size + 1} bytes arrived instead of {size}."
    assert world.catalog.get(attachment.id).reason == reason


@pytest.mark.parametrize("file_type", list(FileType))
def test_a_file_that_is_too_large_for_what_it_turned_out_to_be_is_rejected(
    world: World, file_type: FileType
) -> None:
    limit: Any = {f"max_{file_type}_megabytes": 1}
    found = Accepted(file_type=file_type, mime_type="a/b")
    attachment, created = uploaded(world, b"x" * (MB + 1), file_size=MB + 1)
    assert run(world, created, found, **limit) == "rejected"
    assert world.catalog.get(attachment.id).reason == too_large(file_type, MB)
    _, fitting = uploaded(world, b"x" * MB, file_size=MB)
    assert run(world, fitting, found, **limit) == "ready"


# ---------------------------------------------------------------- failed


class StoreError(Exception):
    """What a store says when it is cut off; its words are not for users."""


def test_a_failure_is_retried_and_changes_nothing_before_the_last_try(world: World) -> None:
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, created, StoreError("secret"))
    assert world.catalog.get(attachment.id) == attachment
    assert run(world, created) == "ready"


def test_after_the_last_try_the_record_says_failed_and_the_bytes_stay(world: World) -> None:
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, created, StoreError("secret"), last_try=True)
    record = world.catalog.get(attachment.id)
    assert record.status is Status.FAILED
    assert record.reason is not None
    assert "secret" not in record.reason
    assert world.storage.keys() == {attachment.upload_key}
    assert world.activity.actions() == [Action.FILE_FAILED]


@pytest.mark.parametrize(
    ("finding", "outcome"), [(GOOD, Status.READY), (Refused("No."), Status.REJECTED)]
)
def test_a_redrive_completes_what_failed(world: World, finding: Finding, outcome: Status) -> None:
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, created, StoreError(), last_try=True)
    assert run(world, created, finding) == outcome
    assert world.catalog.get(attachment.id).status is outcome


def test_a_redrive_that_fails_again_says_so_once(world: World) -> None:
    attachment, created = uploaded(world)
    for _ in range(2):
        with pytest.raises(StoreError):
            run(world, created, StoreError(), last_try=True)
    assert world.catalog.get(attachment.id).status is Status.FAILED
    assert world.activity.actions() == [Action.FILE_FAILED]


def test_an_inspection_that_ends_after_the_sweep_gave_it_up_comes_again(world: World) -> None:
    attachment, created = uploaded(world)

    def give_up() -> None:
        world.catalog.change(in_state(attachment, Status.FAILED), None)

    with pytest.raises(StaleRecordError):
        run(world, created, meanwhile=give_up)
    assert world.storage.keys() >= {attachment.upload_key}
    assert run(world, created) == "ready"


@pytest.mark.parametrize(
    ("finding", "outcome"), [(GOOD, Status.READY), (Refused("No."), Status.REJECTED)]
)
def test_an_upload_that_is_signed_again_during_its_inspection_is_decided_at_once(
    world: World, finding: Finding, outcome: Status
) -> None:
    attachment, created = uploaded(world)

    def sign_again() -> None:
        world.catalog.change(attachment.renewed(due_at=NOON + timedelta(hours=3)), None)

    assert run(world, created, finding, meanwhile=sign_again) == outcome
    assert world.catalog.get(attachment.id).status is outcome
    assert len(world.activity.entries) == 1


def test_a_cut_off_table_is_a_failure_like_any_other() -> None:
    class CutOff(MemoryCatalog):
        cut = True

        def change(self, attachment: Attachment, entry: Activity | None) -> None:
            if self.cut and attachment.status is Status.READY:
                raise StoreError
            super().change(attachment, entry)

    world = World(catalog=CutOff)
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, created, last_try=True)
    assert world.catalog.get(attachment.id).status is Status.FAILED
    CutOff.cut = False
    assert run(world, created) == "ready"
    assert world.storage.delete_all(attachment.thumbnail_prefix) == 1


def test_the_served_version_is_told_by_its_id_not_by_its_content(world: World) -> None:
    attachment, created = uploaded(world)
    run(world, created)
    same_bytes = arrived(world, attachment, VIDEO)
    assert run(world, same_bytes) == "removed"
    served = world.catalog.get(attachment.id).version
    assert isinstance(served, ObjectVersion)
    assert served == created.version
