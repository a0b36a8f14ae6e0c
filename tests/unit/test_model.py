"""The states of an attachment, and the only ways between them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from attachments.model import (
    NEXT,
    Attachment,
    FileType,
    IllegalTransitionError,
    Media,
    ObjectVersion,
    Status,
)
from tests.builders import NOON, TOMBSTONE_LIFE, VERSION, in_state, pending

P, R, J, F, E, D = (
    Status.PENDING,
    Status.READY,
    Status.REJECTED,
    Status.FAILED,
    Status.EXPIRED,
    Status.DELETED,
)
# The diagram, arrow by arrow.
ARROWS = {
    (P, R),
    (P, J),
    (P, F),
    (P, E),
    (P, D),
    (F, R),
    (F, J),
    (F, D),
    (R, D),
    (J, D),
    (E, D),
}

MOVES: dict[Status, Callable[[Attachment], Attachment]] = {
    R: lambda attachment: attachment.ready(
        version=VERSION,
        uploaded_at=NOON,
        file_type=FileType.VIDEO,
        mime_type="video/mp4",
        media=Media(),
        thumbnail=None,
        placeholder=None,
    ),
    J: lambda attachment: attachment.rejected(version=VERSION, reason="No.", now=NOON),
    F: lambda attachment: attachment.failed(reason="No."),
    E: lambda attachment: attachment.expired(now=NOON, keep=TOMBSTONE_LIFE),
    D: lambda attachment: attachment.deleted(now=NOON),
}
PAIRS = [(start, end) for start in Status for end in MOVES]


@pytest.mark.parametrize(("start", "end"), [pair for pair in PAIRS if pair in ARROWS])
def test_every_arrow_of_the_diagram_can_be_gone(start: Status, end: Status) -> None:
    before = in_state(pending(), start)
    after = MOVES[end](before)
    assert after.status is end
    assert after.revision == before.revision + 1


@pytest.mark.parametrize(("start", "end"), [pair for pair in PAIRS if pair not in ARROWS])
def test_no_other_way_leads_from_state_to_state(start: Status, end: Status) -> None:
    with pytest.raises(IllegalTransitionError):
        MOVES[end](in_state(pending(), start))


def test_the_table_of_the_model_is_the_diagram() -> None:
    assert {(start, end) for start, ends in NEXT.items() for end in ends} == ARROWS


def test_only_a_pending_attachment_is_renewed() -> None:
    later = NOON + timedelta(hours=3)
    renewed = pending().renewed(due_at=later)
    assert (renewed.status, renewed.due_at, renewed.revision) == (P, later, 2)
    for status in set(Status) - {P}:
        with pytest.raises(IllegalTransitionError):
            in_state(pending(), status).renewed(due_at=later)


def test_a_ready_attachment_has_the_size_of_the_version_that_it_serves() -> None:
    attachment = pending(file_size=7)
    version = ObjectVersion("v9", "etag", 8)
    ready = attachment.ready(
        version=version,
        uploaded_at=NOON,
        file_type=FileType.AUDIO,
        mime_type="audio/ogg",
        media=Media(duration_ms=5),
        thumbnail=None,
        placeholder=None,
        reason="There is no picture.",
    )
    assert ready == replace(
        attachment,
        status=R,
        revision=2,
        version=version,
        file_size=8,
        uploaded_at=NOON,
        file_type=FileType.AUDIO,
        mime_type="audio/ogg",
        media=Media(duration_ms=5),
        reason="There is no picture.",
        due_at=None,
    )


@pytest.mark.parametrize("status", [J, D])
def test_what_still_has_bytes_to_lose_is_due_at_once(status: Status) -> None:
    assert in_state(pending(), status).due_at == NOON


@pytest.mark.parametrize("status", [R, F, E])
def test_what_is_decided_is_never_due(status: Status) -> None:
    assert in_state(pending(), status).due_at is None


def test_a_purged_deletion_stays_as_a_tombstone_for_its_life() -> None:
    purged = in_state(pending(), D).purged(now=NOON, keep=TOMBSTONE_LIFE)
    assert (purged.status, purged.due_at) == (D, None)
    assert purged.expires_at == NOON + TOMBSTONE_LIFE
    assert purged.revision == 3


def test_a_purged_rejection_stays_for_good() -> None:
    purged = in_state(pending(), J).purged(now=NOON, keep=TOMBSTONE_LIFE)
    assert (purged.status, purged.due_at, purged.expires_at) == (J, None, None)
    assert purged.reason == "This is a PNG image."


def test_an_expired_record_goes_after_its_life_unless_it_is_deleted_first() -> None:
    expired = pending().expired(now=NOON, keep=TOMBSTONE_LIFE)
    assert (expired.due_at, expired.expires_at) == (NOON, NOON + TOMBSTONE_LIFE)
    purged = expired.purged(now=NOON + TOMBSTONE_LIFE / 2, keep=TOMBSTONE_LIFE)
    assert (purged.status, purged.due_at) == (E, None)
    assert purged.expires_at == NOON + TOMBSTONE_LIFE
    assert purged.deleted(now=NOON).expires_at is None


def test_what_expires_says_whether_it_was_to_be_uploaded_or_copied() -> None:
    expired = in_state(pending(), E)
    assert expired.reason == "Nothing was uploaded before the upload request expired."
    copy = in_state(pending(copied_from=expired.id), E)
    assert copy.reason == "The file that it forwards could not be copied."


def test_keys_are_made_of_the_id_alone() -> None:
    attachment = pending(file_name="../../etc/passwd")
    assert attachment.upload_key == f"uploads/{attachment.id}"
    assert attachment.thumbnail_prefix == f"thumbnails/{attachment.id}/"
