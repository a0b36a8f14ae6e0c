"""One more request of an upload is signed for its uploader, while it is pending."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from attachments.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
)
from attachments.ids import new_id
from attachments.model import Attachment, Caller, Status
from attachments.settings import MEGABYTE as MB
from functions.issue_upload.deadline import (
    LONGEST_UPLOAD,
    SHORTEST_LIFE,
    SLOW_PART,
    SLOW_UPLOAD,
)
from functions.issue_upload.parts import MAX_PARTS, MIN_PART_BYTES, part_size, size_of_part
from functions.issue_upload.schemas import SignedView, SignRequest
from functions.issue_upload.sign_upload import sign_upload
from tests.builders import (
    ADMIN,
    CONVERSATION,
    NOON,
    PARTICIPANT,
    SENDER,
    STRANGER,
    in_state,
    settings_of,
)
from tests.fakes import MemoryCatalog, World

LIFE = timedelta(minutes=15)
SIZE = 12 * MB
DUE = NOON + LIFE + SLOW_UPLOAD

STEPS: dict[str, dict[str, Any]] = {
    "put": {"method": "PUT", "contentType": "video/mp4"},
    "create": {"method": "POST"},
    "part": {"method": "PUT", "uploadId": "u1", "partNumber": 1},
    "list": {"method": "GET", "uploadId": "u1"},
    "complete": {"method": "POST", "uploadId": "u1"},
    "abort": {"method": "DELETE", "uploadId": "u1"},
}


@pytest.fixture
def attachment(world: World) -> Attachment:
    return world.add(Status.PENDING, file_size=SIZE, due_at=DUE)


def sign(world: World, attachment: Attachment, caller: Caller = SENDER, **step: Any) -> SignedView:
    """Sign one step, in the words of a client; its key unless the step names another."""
    said = json.dumps({"key": attachment.upload_key, **step})
    return sign_upload(
        attachment.id,
        SignRequest.model_validate_json(said),
        caller=caller,
        settings=settings_of(upload_url_seconds=int(LIFE.total_seconds())),
        catalog=world.catalog,
        chat=world.chat,
        storage=world.storage,
        clock=world.clock,
    )


def query(signed: SignedView) -> dict[str, str]:
    found = parse_qs(urlsplit(signed.url).query, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}


# ---------------------------------------------------------------- what is signed


def test_the_single_put_is_signed_again_as_it_was_at_first(world: World) -> None:
    attachment = world.add(Status.PENDING, sha256="c2hhMjU2", due_at=DUE)
    again = sign(world, attachment, **STEPS["put"])
    first = world.storage.sign_put(
        attachment.upload_key,
        size=attachment.file_size,
        mime_type="video/mp4",
        sha256="c2hhMjU2",
        seconds=900,
    )
    assert (again.url, again.headers) == (first.url, first.headers)


def test_another_type_than_the_declared_one_is_not_signed(
    world: World, attachment: Attachment
) -> None:
    signed = sign(world, attachment, method="PUT", contentType="text/html")
    assert signed.headers["Content-Type"] == "video/mp4"


def test_each_step_is_signed_for_the_attachments_own_key(
    world: World, attachment: Attachment
) -> None:
    store, key = world.storage, attachment.upload_key
    expected = {
        "create": store.sign_create_multipart(key, mime_type="video/mp4", seconds=900),
        "part": store.sign_part(key, upload_id="u1", number=1, size=MIN_PART_BYTES, seconds=900),
        "list": store.sign_list_parts(key, upload_id="u1", seconds=900),
        "complete": store.sign_complete(key, upload_id="u1", seconds=900),
        "abort": store.sign_abort(key, upload_id="u1", seconds=900),
    }
    for name, request in expected.items():
        signed = sign(world, attachment, **STEPS[name])
        assert (signed.url, signed.headers, signed.key) == (request.url, request.headers, key)
        assert request.method == STEPS[name]["method"]
        assert signed.expires_at == NOON + LIFE


def test_what_is_put_together_is_signed_to_be_the_only_object(
    world: World, attachment: Attachment
) -> None:
    signed = sign(world, attachment, **STEPS["complete"])
    assert signed.headers == {"If-None-Match": "*"}
    assert "if-none-match" in query(signed)["X-Amz-SignedHeaders"].split(";")


@pytest.mark.parametrize(
    ("file_size", "sizes"),
    [
        (1, [1]),
        (MIN_PART_BYTES, [MIN_PART_BYTES]),
        (MIN_PART_BYTES + 1, [MIN_PART_BYTES, 1]),
        (SIZE, [MIN_PART_BYTES, MIN_PART_BYTES, 2 * MB]),
    ],
)
def test_every_part_has_its_exact_length_and_the_last_what_remains(
    file_size: int, sizes: list[int]
) -> None:
    assert part_size(file_size) == MIN_PART_BYTES
    numbers = range(1, len(sizes) + 1)
    assert [size_of_part(file_size, number) for number in numbers] == sizes
    with pytest.raises(InvalidRequestError):
        size_of_part(file_size, len(sizes) + 1)


@pytest.mark.parametrize("file_size", [MAX_PARTS * MIN_PART_BYTES + 1, 5 * 2**40])
def test_a_file_of_too_many_parts_has_larger_ones(file_size: int) -> None:
    assert part_size(file_size) > MIN_PART_BYTES
    assert -(-file_size // part_size(file_size)) <= MAX_PARTS
    assert (MAX_PARTS - 1) * part_size(file_size) < file_size


def test_the_length_of_a_part_is_bound(world: World, attachment: Attachment) -> None:
    signed = sign(world, attachment, method="PUT", uploadId="u1", partNumber=3)
    last = world.storage.sign_part(
        attachment.upload_key, upload_id="u1", number=3, size=2 * MB, seconds=900
    )
    assert signed.url == last.url
    assert "content-length" in query(signed)["X-Amz-SignedHeaders"].split(";")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("number", [4, MAX_PARTS])
def test_a_part_beyond_the_declared_size_is_refused(
    world: World, attachment: Attachment, number: int
) -> None:
    with pytest.raises(InvalidRequestError, match="parts 1 to 3") as refused:
        sign(world, attachment, method="PUT", uploadId="u1", partNumber=number)
    assert list(refused.value.fields) == ["partNumber"]


@pytest.mark.parametrize("key", ["uploads/{other}", "uploads/{own}/../x", "thumbnails/{own}/t.jpg"])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_another_key_is_refused(
    world: World, attachment: Attachment, step: dict[str, Any], key: str
) -> None:
    other = world.add(Status.PENDING)
    with pytest.raises(InvalidRequestError) as refused:
        sign(world, attachment, **step, key=key.format(other=other.id, own=attachment.id))
    assert list(refused.value.fields) == ["key"]


@pytest.mark.parametrize(
    "step",
    [
        {"method": "DELETE"},
        {"method": "GET"},
        {"method": "GET", "uploadId": "u1", "partNumber": 1},
        {"method": "DELETE", "uploadId": "u1", "partNumber": 1},
        {"method": "POST", "uploadId": "u1", "partNumber": 1},
        {"method": "POST", "partNumber": 1},
        {"method": "PUT", "uploadId": "u1"},
        {"method": "PUT", "partNumber": 1},
    ],
    ids=str,
)
def test_what_is_no_step_of_an_upload_is_refused(
    world: World, attachment: Attachment, step: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        sign(world, attachment, **step)
    assert list(refused.value.fields) == ["method"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "PATCH"},
        {"method": "put"},
        {"method": None},
        {"key": ""},
        {"key": None},
        {"uploadId": ""},
        {"uploadId": "a b"},
        {"uploadId": "a\n"},
        {"uploadId": "\ud800"},
        {"uploadId": "x" * 1025},
        {"partNumber": 0},
        {"partNumber": -1},
        {"partNumber": MAX_PARTS + 1},
        {"partNumber": "1"},
        {"partNumber": 1.5},
        {"partNumber": True},
    ],
    ids=str,
)
def test_a_request_with_a_wrong_field_is_none(wrong: dict[str, Any]) -> None:
    said = {"method": "PUT", "key": "k", "uploadId": "u1", "partNumber": 1, **wrong}
    with pytest.raises(ValidationError) as refused:
        SignRequest.model_validate(said)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(wrong)]


@pytest.mark.parametrize("name", [name for name in STEPS if name != "create"])
def test_a_declared_digest_keeps_nothing_but_the_beginning_from_being_signed(
    world: World, name: str
) -> None:
    attachment = world.add(Status.PENDING, sha256="c2hhMjU2", due_at=DUE)
    assert sign(world, attachment, **STEPS[name]).url


def test_a_declared_digest_that_s3_could_not_check_begins_no_upload_in_parts(world: World) -> None:
    attachment = world.add(Status.PENDING, sha256="c2hhMjU2", due_at=DUE)
    with pytest.raises(ConflictError, match="sha256"):
        sign(world, attachment, **STEPS["create"])


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_nobody_uploads_the_bytes_of_what_is_forwarded(world: World, step: dict[str, Any]) -> None:
    copy = world.add(Status.PENDING, copied_from=new_id(), due_at=DUE)
    with pytest.raises(ConflictError, match="forwards"):
        sign(world, copy, **step)


# ---------------------------------------------------------------- for whom


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("caller", [PARTICIPANT, STRANGER], ids=["participant", "stranger"])
def test_for_everybody_else_there_is_no_pending_attachment(
    world: World, attachment: Attachment, caller: Caller, step: dict[str, Any]
) -> None:
    with pytest.raises(NotFoundError):
        sign(world, attachment, caller, **step)


def test_an_uploader_who_left_is_told_the_same(world: World, attachment: Attachment) -> None:
    world.chat.put_conversation(CONVERSATION, [PARTICIPANT.user_id], 2)
    with pytest.raises(NotFoundError):
        sign(world, attachment, **STEPS["part"])


def test_an_admin_signs_what_they_uploaded_and_nothing_else(
    world: World, attachment: Attachment
) -> None:
    with pytest.raises(ForbiddenError):
        sign(world, attachment, ADMIN, **STEPS["part"])
    own = world.add(Status.PENDING, uploaded_by=ADMIN.user_id, due_at=DUE)
    assert sign(world, own, ADMIN, **STEPS["part"]).key == own.upload_key


def test_a_participant_who_sees_a_ready_attachment_may_not_sign_for_it(world: World) -> None:
    ready = world.add(Status.READY)
    with pytest.raises(ForbiddenError):
        sign(world, ready, PARTICIPANT, **STEPS["put"])


def test_an_unknown_attachment_is_not_found(world: World, attachment: Attachment) -> None:
    with pytest.raises(NotFoundError):
        sign(world, replace(attachment, id=new_id()), **STEPS["put"])


@pytest.mark.parametrize("status", [Status.READY, Status.REJECTED, Status.FAILED, Status.EXPIRED])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_an_upload_that_is_over_is_a_conflict_that_says_so(
    world: World, status: Status, step: dict[str, Any]
) -> None:
    with pytest.raises(ConflictError, match=status):
        sign(world, world.add(status), **step)


def test_a_deleted_attachment_is_not_found(world: World) -> None:
    with pytest.raises(NotFoundError):
        sign(world, world.add(Status.DELETED), **STEPS["put"])


# ---------------------------------------------------------------- its deadline


def test_parts_that_are_signed_keep_the_upload_pending(
    world: World, attachment: Attachment
) -> None:
    while world.now < NOON + timedelta(hours=12):
        due_at = world.catalog.get(attachment.id).due_at
        assert due_at is not None
        assert due_at >= world.now
        signed = sign(world, attachment, **STEPS["part"])
        kept = world.catalog.get(attachment.id).due_at
        assert kept is not None
        assert kept >= signed.expires_at + SLOW_PART
        world.pass_time(timedelta(minutes=10))


def test_of_many_parts_few_are_signed_with_a_write(world: World, attachment: Attachment) -> None:
    for _ in range(1000):
        sign(world, attachment, **STEPS["part"])
        world.pass_time(timedelta(seconds=10))
    writes = world.catalog.get(attachment.id).revision - attachment.revision
    assert 0 < writes <= 1000 * timedelta(seconds=10) / (SLOW_UPLOAD - SLOW_PART)


@pytest.mark.parametrize("name", ["list", "abort"])
def test_what_brings_no_bytes_changes_no_deadline(
    world: World, attachment: Attachment, name: str
) -> None:
    world.pass_time(timedelta(hours=1))
    sign(world, attachment, **STEPS[name])
    assert world.catalog.get(attachment.id) == attachment


def test_what_is_refused_changes_no_deadline(world: World, attachment: Attachment) -> None:
    world.pass_time(timedelta(hours=1))
    with pytest.raises(InvalidRequestError):
        sign(world, attachment, method="PUT", uploadId="u1", partNumber=4)
    assert world.catalog.get(attachment.id) == attachment


def test_no_signature_outlives_the_longest_upload(world: World, attachment: Attachment) -> None:
    world.pass_time(LONGEST_UPLOAD - timedelta(minutes=5))
    signed = sign(world, attachment, **STEPS["part"])
    assert signed.expires_at == NOON + LONGEST_UPLOAD
    assert query(signed)["X-Amz-Expires"] == "300"
    world.pass_time(timedelta(minutes=5) - SHORTEST_LIFE + timedelta(seconds=1))
    for step in STEPS.values():
        with pytest.raises(ConflictError, match="too long ago"):
            sign(world, attachment, **step)


class DecidedInBetween(MemoryCatalog):
    """A pending record is decided right after it was read."""

    def get(self, attachment_id: str) -> Attachment:
        record = super().get(attachment_id)
        if record.status is Status.PENDING:
            self.change(in_state(record, Status.READY), None)
        return record


def test_an_upload_that_is_decided_while_it_is_signed_is_over() -> None:
    world = World(catalog=DecidedInBetween)
    attachment = world.add(Status.PENDING, due_at=NOON)
    with pytest.raises(ConflictError, match="ready"):
        sign(world, attachment, **STEPS["part"])


class RenewedInBetween(MemoryCatalog):
    """Another part is signed right after the record was read."""

    def get(self, attachment_id: str) -> Attachment:
        record = super().get(attachment_id)
        if record.revision == 1:
            self.change(record.renewed(due_at=DUE), None)
        return record


def test_of_two_parts_signed_at_once_both_are() -> None:
    world = World(catalog=RenewedInBetween)
    attachment = world.add(Status.PENDING, due_at=NOON)
    assert sign(world, attachment, **STEPS["part"]).url
    assert world.catalog.get(attachment.id).due_at == DUE
