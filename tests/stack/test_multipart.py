"""Uploads in parts over the strict S3 gate: resumed, aborted, and held to what was declared."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.stack.client import File, Stack, User, problem, put, without_request_id, wrong_fields
from tests.stack.multipart import MEGABYTE, Multipart, log_of

FILE = log_of(11 * MEGABYTE)  # parts of 5, 5 and 1
Begin = Callable[..., Multipart]


@pytest.fixture
def begin(stack: Stack, message: str) -> Begin:
    """Ask for an upload that is to be sent in parts."""

    def of(file: File = FILE, *, user: User | None = None, **changed: object) -> Multipart:
        user = user or stack.sender
        return Multipart(user, user.ask(message, file, **changed), file)

    return of


def downloaded(user: User, attachment_id: str) -> bytes:
    url = user.get(f"/attachments/{attachment_id}/download/").json()["url"]
    return httpx.get(url, timeout=60).content


def test_an_upload_in_parts_becomes_ready_with_the_same_bytes(stack: Stack, begin: Begin) -> None:
    upload = begin()
    assert (upload.part_size, upload.count) == (5 * MEGABYTE, 3)
    with ThreadPoolExecutor(3) as pool:
        upload_id = upload.upload_id
        answers = list(pool.map(upload.send_part, range(1, 4)))
    assert upload_id
    assert [answer.status_code for answer in answers] == [200] * 3
    assert upload.complete().status_code == 200
    record = stack.sender.settled(upload.id)
    assert (record["status"], record["file_size"]) == ("ready", len(FILE.body))
    assert downloaded(stack.participant, upload.id) == FILE.body
    actions = [entry["action"] for entry in stack.history(upload.id)]
    assert actions == ["upload_requested", "file_uploaded", "file_downloaded"]


def test_an_interrupted_upload_goes_on_with_the_parts_that_are_missing(
    stack: Stack, begin: Begin
) -> None:
    first = begin()
    assert first.send_part(1).status_code == 200
    assert first.send_part(3).status_code == 200
    resumed = Multipart(stack.sender, first.ticket, FILE)
    resumed.upload_id = first.upload_id
    assert set(resumed.arrived()) == {1, 3}
    assert resumed.send_part(2).status_code == 200
    assert resumed.complete().status_code == 200
    assert stack.sender.settled(first.id)["status"] == "ready"
    assert downloaded(stack.sender, first.id) == FILE.body


def test_an_aborted_upload_can_be_sent_anew_by_the_single_put(stack: Stack, begin: Begin) -> None:
    upload = begin()
    assert upload.send_part(1).status_code == 200
    assert upload.abort().status_code == 204
    assert upload.listing().status_code == 404
    assert upload.send_part(2).status_code == 404
    again = upload.send(FILE.body, method="PUT", contentType="text/plain")
    assert again.status_code == 200
    assert stack.sender.settled(upload.id)["status"] == "ready"


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (1, FILE.body[: 5 * MEGABYTE - 1]),
        (1, FILE.body[: 5 * MEGABYTE + 1]),
        (1, b""),
        (3, FILE.body[: MEGABYTE + 1]),
        (3, FILE.body[: 5 * MEGABYTE]),
    ],
    ids=["shorter", "longer", "empty", "a longer last one", "a whole one for the last"],
)
def test_a_part_of_another_length_is_refused_by_s3(begin: Begin, number: int, body: bytes) -> None:
    upload = begin()
    assert upload.send_part(number, body).status_code == 403
    assert upload.arrived() == {}


@pytest.mark.parametrize("number", [0, -1, 4, 10_000, 10_001, 1.5, "1"])
def test_a_part_that_the_file_does_not_have_is_not_signed(begin: Begin, number: object) -> None:
    refused = problem(begin().ask(method="PUT", uploadId="u", partNumber=number), 422)
    assert wrong_fields(refused) == {"partNumber"}


def test_a_file_that_was_put_together_of_too_few_parts_is_rejected(
    stack: Stack, begin: Begin
) -> None:
    upload = begin()
    assert upload.send_part(1).status_code == 200
    assert upload.complete().status_code == 200
    record = stack.sender.settled(upload.id)
    assert record["status"] == "rejected"
    assert f"{5 * MEGABYTE} bytes arrived instead of {len(FILE.body)}" in record["reason"]


def test_no_second_object_is_put_together_at_the_key(stack: Stack, begin: Begin) -> None:
    upload = begin()
    for number in (1, 2, 3):
        upload.send_part(number, bytes(len(upload.part(number))))
    complete = upload.sign(method="POST", uploadId=upload.upload_id)
    manifest = upload.manifest()
    assert put(upload.ticket["upload"], FILE.body).status_code == 200
    late = httpx.post(complete["url"], headers=complete["headers"], content=manifest)
    assert late.status_code == 412
    assert stack.sender.settled(upload.id)["status"] == "ready"
    assert downloaded(stack.sender, upload.id) == FILE.body


def test_deleting_a_pending_attachment_ends_its_upload_in_parts(stack: Stack, begin: Begin) -> None:
    upload = begin()
    for number in (1, 2, 3):
        upload.send_part(number)
    manifest = upload.manifest()
    complete, part, parts = (
        upload.sign(method="POST", uploadId=upload.upload_id),
        upload.sign(method="PUT", uploadId=upload.upload_id, partNumber=3),
        upload.sign(method="GET", uploadId=upload.upload_id),
    )
    assert stack.sender.delete(f"/attachments/{upload.id}/").status_code == 200
    assert httpx.get(parts["url"]).status_code == 404
    assert httpx.put(part["url"], content=upload.part(3)).status_code == 404
    late = httpx.post(complete["url"], headers=complete["headers"], content=manifest)
    assert late.status_code == 404
    assert stack.stored(upload.id) == []
    problem(upload.ask(method="GET", uploadId=upload.upload_id), 404)


def test_an_upload_that_is_over_is_signed_no_more(stack: Stack, begin: Begin) -> None:
    upload = begin(log_of(100))
    assert put(upload.ticket["upload"], upload.file.body).status_code == 200
    stack.sender.settled(upload.id)
    for step in ({"method": "PUT"}, {"method": "POST"}, {"method": "DELETE", "uploadId": "u"}):
        refused = problem(upload.ask(**step), 409)
        assert refused["type"] == "urn:offchat:problem:conflict"
        assert "ready" in refused["detail"]


def test_an_upload_bound_to_its_digest_is_sent_in_one_piece(stack: Stack, begin: Begin) -> None:
    upload = begin(sha256=FILE.digest)
    problem(upload.ask(method="POST"), 409)
    assert upload.send(FILE.body.swapcase(), method="PUT").status_code == 400
    assert upload.send(FILE.body, method="PUT").status_code == 200
    assert stack.sender.settled(upload.id)["status"] == "ready"


@pytest.mark.parametrize(
    "step",
    [
        {"method": "DELETE"},
        {"method": "GET"},
        {"method": "PUT", "uploadId": "u"},
        {"method": "PATCH"},
        {"method": "PUT", "key": "uploads/another"},
        {"method": "PUT", "key": "../uploads/another"},
    ],
    ids=str,
)
def test_what_is_no_step_of_this_upload_is_not_signed(begin: Begin, step: dict[str, str]) -> None:
    refused = problem(begin(log_of(100)).ask(**step), 422)
    assert wrong_fields(refused) == ({"key"} if "key" in step else {"method"})


def test_an_upload_id_of_another_attachment_is_refused_by_s3(begin: Begin) -> None:
    other, upload = begin(), begin()
    upload.upload_id = other.upload_id
    assert upload.send_part(1).status_code == 404
    assert upload.listing().status_code == 404
    assert upload.abort().status_code == 404
    assert other.arrived() == {}


def test_nobody_else_can_tell_a_pending_attachment_from_none(stack: Stack, begin: Begin) -> None:
    upload = begin(log_of(100))
    said = {"method": "PUT", "key": upload.ticket["upload"]["key"]}
    unknown = "/attachments/0192f000-0000-7000-8000-0000000000ff/sign/"
    for user in (stack.participant, stack.stranger):
        refused = user.post(f"/attachments/{upload.id}/sign/", json=said)
        assert refused.status_code == 404
        assert without_request_id(refused) == without_request_id(user.post(unknown, json=said))
    problem(stack.admin.post(f"/attachments/{upload.id}/sign/", json=said), 403)
    problem(stack.service.post(f"/attachments/{upload.id}/sign/", json=said), 403)
    problem(stack.nobody.post(f"/attachments/{upload.id}/sign/", json=said), 401)


def test_an_admin_uploads_in_parts_what_they_asked_for(stack: Stack, begin: Begin) -> None:
    upload = begin(log_of(100), user=stack.admin)
    assert upload.send_part(1).status_code == 200
    assert upload.complete().status_code == 200
    assert stack.admin.settled(upload.id)["status"] == "ready"
