"""The same request again, by its idempotency key."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from attachments.errors import ConflictError, IdempotencyConflictError, InvalidRequestError
from attachments.guards import KEY_LIFE
from attachments.model import Action, Attachment, Status
from attachments.settings import MEGABYTE as MB
from functions.issue_upload.deadline import LONGEST_UPLOAD, SLOW_UPLOAD
from functions.issue_upload.schemas import ticket_of
from tests.builders import ADMIN, NOON, in_state
from tests.fakes import CrashError, MemoryCatalog, MemoryGuards, World
from tests.unit.issuing import issue, video


def test_the_same_key_and_body_give_the_same_attachment_with_a_fresh_signature(
    world: World,
) -> None:
    first = issue(world, key="k")
    world.pass_time(timedelta(minutes=14))
    second = issue(world, key="k")
    assert second.attachment.id == first.attachment.id
    assert second.request is not None
    assert second.expires_at == world.now + timedelta(minutes=15)
    assert world.catalog.get(first.attachment.id).due_at == second.expires_at + SLOW_UPLOAD
    assert world.activity.actions() == [Action.UPLOAD_REQUESTED]
    assert len(world.catalog.records) == 1


@pytest.mark.parametrize("other", [{"file_size": 8 * MB}, {"file_name": "other.mp4"}])
def test_the_same_key_with_another_body_is_a_conflict(world: World, other: dict[str, Any]) -> None:
    issue(world, key="k")
    with pytest.raises(IdempotencyConflictError):
        issue(world, video(**other), key="k")
    with pytest.raises(IdempotencyConflictError):
        issue(world, key="k", video_only=True)
    assert len(world.catalog.records) == 1


def test_a_key_signs_no_upload_that_has_taken_too_long(world: World) -> None:
    issued = issue(world, key="k")
    world.pass_time(LONGEST_UPLOAD - timedelta(minutes=5))
    again = issue(world, key="k")
    assert again.attachment.id == issued.attachment.id
    assert again.expires_at == NOON + LONGEST_UPLOAD
    world.pass_time(timedelta(minutes=5))
    with pytest.raises(ConflictError):
        issue(world, key="k")


def test_keys_of_two_users_are_independent(world: World) -> None:
    first, second = issue(world, key="k"), issue(world, key="k", caller=ADMIN)
    assert first.attachment.id != second.attachment.id


def test_without_a_key_every_request_is_its_own(world: World) -> None:
    assert issue(world).attachment.id != issue(world).attachment.id


def test_a_key_ends_after_a_day(world: World) -> None:
    first = issue(world, key="k")
    world.pass_time(KEY_LIFE)
    second = issue(world, video(file_size=8 * MB), key="k")
    assert first.attachment.id != second.attachment.id


def test_a_retry_after_a_crash_finds_what_was_written(world: World) -> None:
    world.fuse.light(1)
    with pytest.raises(CrashError):
        issue(world, key="k")
    [written] = world.catalog.records
    retried = issue(world, key="k")
    assert retried.attachment.id == written
    assert retried.request is not None
    assert len(world.catalog.records) == 1


class LateGuards(MemoryGuards):
    """Its first answer is from before the other request."""

    late = True

    def find(self, user_id: str, value: str, now: datetime) -> tuple[str, str] | None:
        late, self.late = self.late, False
        return None if late else super().find(user_id, value, now)


def test_of_two_requests_at_once_with_one_key_both_get_the_same_attachment() -> None:
    world = World(guards=LateGuards)
    first = issue(world, key="k")
    assert isinstance(world.guards, LateGuards)
    world.guards.late = True
    second = issue(world, key="k")
    assert second.attachment == first.attachment
    assert len(world.catalog.records) == 1


@pytest.mark.parametrize("status", [Status.READY, Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_a_key_of_an_upload_that_is_over_gives_its_record_and_nothing_to_upload(
    world: World, status: Status
) -> None:
    first = issue(world, key="k")
    moved = in_state(first.attachment, status)
    world.catalog.change(moved, None)
    again = issue(world, key="k")
    assert (again.attachment, again.request) == (moved, None)
    assert ticket_of(again).upload is None


class DecidedInBetween(MemoryCatalog):
    """A pending record is decided right after it was read."""

    def get(self, attachment_id: str) -> Attachment:
        record = super().get(attachment_id)
        if record.status is Status.PENDING:
            self.change(in_state(record, Status.READY), None)
        return record


def test_an_upload_that_is_decided_while_it_is_signed_again_has_nothing_to_upload() -> None:
    world = World(catalog=DecidedInBetween)
    first = issue(world, key="k")
    world.pass_time(timedelta(minutes=5))
    again = issue(world, key="k")
    assert again.attachment.id == first.attachment.id
    assert (again.attachment.status, again.request) == (Status.READY, None)


def test_a_key_of_a_deleted_attachment_is_a_conflict(world: World) -> None:
    first = issue(world, key="k")
    world.catalog.change(first.attachment.deleted(now=NOON), None)
    with pytest.raises(ConflictError):
        issue(world, key="k")


def test_a_key_of_a_record_that_is_gone_is_a_conflict(world: World) -> None:
    first = issue(world, key="k")
    del world.catalog.records[first.attachment.id]
    with pytest.raises(ConflictError):
        issue(world, key="k")


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_empty_or_too_long_is_refused(world: World, key: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        issue(world, key=key)
    assert list(refused.value.fields) == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["x" * 255, "ключ 🔑", "a#b\x00c"])
def test_any_other_key_will_do(world: World, key: str) -> None:
    assert issue(world, key=key).attachment.id == issue(world, key=key).attachment.id
