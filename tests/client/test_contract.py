"""What a user of the client may rely on: of the service in memory as of the real one."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from offchat_attachments import (
    AuthenticationError,
    FileType,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    Status,
    TooLargeError,
)
from tests.client.conftest import PART_BYTES, Place
from tests.stack.client import eventually


@pytest.fixture
def users(place: Place) -> Iterator["Users"]:
    with ExitStack() as opened:
        yield Users(place, opened)


class Users:
    """A client of each user, and a conversation of sender and participant."""

    def __init__(self, place: Place, opened: ExitStack) -> None:
        self.place = place
        self.conversation = place.conversation()
        self.message = place.message(self.conversation)
        self.sender, self.participant, self.stranger, self.admin = (
            opened.enter_context(place.client(who))
            for who in ("sender", "participant", "stranger", "admin")
        )


def large(folder: Path, *, parts: int) -> Path:
    """A file of so many parts, the last one short, each with bytes of its own."""
    path = folder / "large.bin"
    body = b"".join(bytes([number]) * PART_BYTES for number in range(1, parts)) + b"the rest"
    path.write_bytes(body)
    return path


def test_an_uploaded_file_is_ready_listed_and_comes_back(
    users: Users, note: Path, tmp_path: Path
) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    assert (sent.status, sent.file_name, sent.file_size) == (Status.READY, "note.txt", 16)
    assert (sent.file_type, sent.message_id) == (FileType.DOCUMENT, users.message)
    assert (sent.conversation_id, sent.uploaded_by) == (users.conversation, "sender")
    assert users.participant.get(sent.id).id == sent.id
    assert [found.id for found in users.participant.of_message(users.message)] == [sent.id]
    assert [found.id for found in users.participant.of_conversation(users.conversation)] == [
        sent.id
    ]
    place = users.participant.download(sent.id, tmp_path / "back.txt")
    assert place.read_bytes() == note.read_bytes()


def test_a_large_file_goes_in_parts_and_comes_back(users: Users, tmp_path: Path) -> None:
    path = large(tmp_path, parts=3)
    seen: list[tuple[int, int]] = []
    sent = users.sender.upload(
        path, message_id=users.message, progress=lambda *now: seen.append(now)
    )
    assert (sent.status, sent.file_size) == (Status.READY, path.stat().st_size)
    assert seen[-1] == (sent.file_size, sent.file_size)
    assert {total for _, total in seen} == {sent.file_size}
    back = users.sender.download(sent.id, tmp_path / "back.bin")
    assert back.read_bytes() == path.read_bytes()


def test_a_begun_download_fetches_only_the_rest(users: Users, note: Path, tmp_path: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    (tmp_path / f".{sent.id}.part").write_bytes(b"Bring the CAR")
    place = users.sender.download(sent.id, tmp_path / "back.txt")
    assert place.read_bytes() == b"Bring the CARt.\n"


def test_a_file_that_is_not_waited_for_is_ready_later(users: Users, note: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message, wait=False)
    assert users.sender.wait(sent.id).status is Status.READY


def test_the_same_file_twice_is_two_attachments(users: Users, note: Path) -> None:
    first = users.sender.upload(note, message_id=users.message)
    second = users.sender.upload(note, message_id=users.message)
    assert {found.id for found in users.sender.of_message(users.message)} == {first.id, second.id}


def test_a_stranger_sees_nothing(users: Users, note: Path, tmp_path: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    stranger = users.stranger
    for attempt in (
        lambda: stranger.get(sent.id),
        lambda: stranger.download(sent.id, tmp_path / "stolen.txt"),
        lambda: stranger.delete(sent.id),
        lambda: list(stranger.of_message(users.message)),
        lambda: list(stranger.of_conversation(users.conversation)),
        lambda: stranger.upload(note, message_id=users.message),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert list(tmp_path.iterdir()) == [note]


def test_a_participant_neither_deletes_nor_attaches(users: Users, note: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    with pytest.raises(PermissionDeniedError):
        users.participant.delete(sent.id)
    with pytest.raises(PermissionDeniedError):
        users.participant.upload(note, message_id=users.message)
    assert users.sender.get(sent.id).status is Status.READY


def test_what_is_deleted_is_not_there(users: Users, note: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    users.sender.delete(sent.id)
    for attempt in (users.sender.get, users.sender.delete, users.participant.download):
        with pytest.raises(NotFoundError):
            attempt(sent.id)
    assert list(users.sender.of_message(users.message)) == []


def test_the_activity_log_tells_admins_what_was_done(
    users: Users, note: Path, tmp_path: Path
) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    users.participant.download(sent.id, tmp_path / "back.txt")
    users.admin.delete(sent.id)
    log = list(users.admin.activity(attachment_id=sent.id))
    assert [(entry.action, entry.user_id) for entry in log] == [
        ("file_deleted", "admin"),
        ("file_downloaded", "participant"),
        ("file_uploaded", "sender"),
        ("upload_requested", "sender"),
    ]
    assert [entry.admin_override for entry in log] == [True, False, False, False]
    assert [entry.action for entry in users.admin.activity(attachment_id=sent.id, user_id="admin")]
    for user in (users.sender, users.stranger):
        with pytest.raises(PermissionDeniedError):
            list(user.activity(attachment_id=sent.id))


def test_a_forwarded_file_is_an_attachment_of_its_own(
    users: Users, note: Path, tmp_path: Path
) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    other = users.place.message(users.place.conversation())
    copy = users.sender.forward(sent.id, message_id=other)
    assert (copy.status, copy.message_id, copy.file_name) == (Status.READY, other, "note.txt")
    users.sender.delete(sent.id)
    back = users.participant.download(copy.id, tmp_path / "back.txt")
    assert back.read_bytes() == note.read_bytes()
    for attachment_id, actions in (
        (copy.id, ["file_downloaded", "file_uploaded", "file_forwarded"]),
        (sent.id, ["file_deleted", "file_forwarded", "file_uploaded", "upload_requested"]),
    ):
        log = users.admin.activity(attachment_id=attachment_id)
        assert [entry.action for entry in log] == actions


def test_only_what_one_sees_is_forwarded_and_only_with_ones_own_message(
    users: Users, note: Path
) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    with pytest.raises(NotFoundError):
        users.stranger.forward(sent.id, message_id=users.message)
    with pytest.raises(PermissionDeniedError):
        users.participant.forward(sent.id, message_id=users.message)
    with pytest.raises(NotFoundError):
        users.sender.forward(sent.id, message_id=str(uuid4()))


def test_an_admin_lists_everything_by_type(users: Users, note: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    assert sent.id in {found.id for found in users.admin.of_everybody(file_type="document")}
    assert sent.id not in {found.id for found in users.admin.of_everybody(file_type="video")}
    with pytest.raises(PermissionDeniedError):
        list(users.sender.of_everybody())


def test_an_admin_asks_for_days_and_for_times(users: Users, note: Path) -> None:
    sent = users.sender.upload(note, message_id=users.message)
    day, hour = timedelta(days=1), timedelta(hours=1)
    now = datetime.now(UTC)
    days = [(now - day, now + day, True), (now - 3 * day, now - 2 * day, False)]
    for first, last, there in days:
        found = users.admin.of_everybody(first=first.date(), last=last.date())
        assert (sent.id in {each.id for each in found}) is there
    times = [(now - hour, now + hour, True), (now - 2 * hour, now - hour, False)]
    for begin, end, there in times:
        log = users.admin.activity(user_id=sent.uploaded_by, first=begin, last=end)
        assert (sent.id in {each.attachment_id for each in log}) is there


def test_a_message_that_is_none_is_told(users: Users, note: Path) -> None:
    with pytest.raises(NotFoundError):
        users.sender.upload(note, message_id=str(uuid4()))
    with pytest.raises(InvalidRequestError) as raised:
        users.sender.upload(note, message_id="the last one")
    assert "message_id" in raised.value.problem.fields


@pytest.mark.parametrize("name", ["..", "../../x", "%2e%2e", "a b", "?", ""])
def test_an_id_that_is_none_names_nothing(users: Users, name: str) -> None:
    with pytest.raises(NotFoundError):
        users.sender.get(name)


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    users: Users, tmp_path: Path
) -> None:
    path = tmp_path / "book.txt"
    with path.open("wb") as file:
        file.truncate(50 * 2**20 + 1)
    sent: list[int] = []
    with pytest.raises(TooLargeError):
        users.sender.upload(
            path, message_id=users.message, progress=lambda done, _: sent.append(done)
        )
    assert sent == []


def test_only_a_video_passes_as_one(users: Users, note: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        users.sender.upload(note, message_id=users.message, video_only=True)
    assert raised.value.problem.status == 415
    users.place.garbage_is_refused()
    garbage = tmp_path / "holiday.mp4"
    garbage.write_bytes(b"no video at all")
    with pytest.raises(RejectedError) as refused:
        users.sender.upload(garbage, message_id=users.message, video_only=True)
    assert refused.value.attachment.reason
    assert refused.value.attachment.reason in str(refused.value)


def test_a_token_that_does_not_hold_is_told(users: Users) -> None:
    with users.place.client("nobody") as client, pytest.raises(AuthenticationError):
        client.get(str(uuid4()))


def test_the_usage_report_tells_admins_how_much_there_is(users: Users, note: Path) -> None:
    today = datetime.now(UTC).date()

    def counted() -> tuple[int, int]:
        report = users.admin.usage(first=today - timedelta(days=1), last=today + timedelta(days=1))
        days = sum(day.files for day in report.days)
        ready = [kind for kind in report.kinds if kind.status is Status.READY]
        return days, sum(kind.files for kind in ready if kind.file_type is FileType.DOCUMENT)

    before = counted()
    sent = users.sender.upload(note, message_id=users.message)
    # Of all days' uploads none goes from the report while the tests run.
    after = eventually(counted, lambda seen: seen[0] > before[0] and seen[1] > 0)
    assert after[0] > before[0]
    assert after[1] > 0
    report = users.admin.usage(top=1)
    assert report.as_of is not None
    assert report.stored.bytes >= sent.file_size
    [holder] = report.users
    assert holder.user_id is not None
    assert holder.bytes > 0
    with pytest.raises(PermissionDeniedError):
        users.sender.usage()
