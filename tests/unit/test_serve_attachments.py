"""What each caller sees of attachments, and may do with them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from attachments.errors import ForbiddenError, NotFoundError, NotReadyError
from attachments.ids import new_id
from attachments.model import Action, Activity, Caller, FileType, Status
from tests.builders import ADMIN, CONVERSATION, MESSAGE, NOON, PARTICIPANT, SENDER, STRANGER
from tests.fakes import CrashError, MemoryActivity, World
from tests.unit.callers import CALLERS, FORMER, outcome, serving

# ---------------------------------------------------------------- who sees and does what


SEEN = {
    # who:      get ready, get pending, download, delete ready, delete pending
    SENDER: ("done", "done", "done", "done", "done"),
    PARTICIPANT: ("done", "NotFound", "done", "Forbidden", "NotFound"),
    FORMER: ("NotFound",) * 5,
    STRANGER: ("NotFound",) * 5,
    ADMIN: ("done", "done", "done", "done", "done"),
}


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.user_id)
def test_each_caller_sees_and_does_what_the_table_says(world: World, caller: Caller) -> None:
    world.chat.put_conversation(CONVERSATION, ["sender", "participant", FORMER.user_id], 2)
    world.chat.put_conversation(CONVERSATION, ["sender", "participant"], 3)
    ready, pending = world.add(Status.READY), world.add(Status.PENDING)
    mine = serving(world, caller)
    assert SEEN[caller] == (
        outcome(lambda: mine.get(ready.id)),
        outcome(lambda: mine.get(pending.id)),
        outcome(lambda: mine.download(ready.id, video_only=False)),
        outcome(lambda: mine.delete(ready.id)),
        outcome(lambda: mine.delete(pending.id)),
    )


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.user_id)
def test_nobody_finds_what_does_not_exist_or_was_deleted(world: World, caller: Caller) -> None:
    deleted = world.add(Status.DELETED)
    mine = serving(world, caller)
    for attachment_id in (new_id(), deleted.id):
        assert outcome(lambda: mine.get(attachment_id)) == "NotFound"  # noqa: B023
        assert outcome(lambda: mine.delete(attachment_id)) == "NotFound"  # noqa: B023


def test_a_stranger_hears_the_same_of_what_exists_and_of_what_does_not(world: World) -> None:
    attachment = world.add()
    mine = serving(world, STRANGER)

    def words(act: Callable[[], object]) -> tuple[str, dict[str, str]]:
        with pytest.raises(NotFoundError) as refused:
            act()
        return refused.value.detail, refused.value.fields

    unknown = words(lambda: mine.get(new_id()))
    assert words(lambda: mine.get(attachment.id)) == unknown
    assert words(lambda: mine.download(attachment.id, video_only=True)) == unknown
    assert words(lambda: mine.delete(attachment.id)) == unknown
    assert words(lambda: mine.of_message(MESSAGE, limit=9, cursor=None)) == unknown
    assert words(lambda: mine.of_conversation(CONVERSATION, None, limit=9, cursor=None)) == unknown


def test_a_sender_who_left_does_not_even_see_what_they_sent(world: World) -> None:
    attachment = world.add()
    world.chat.put_conversation(CONVERSATION, ["participant"], 2)
    assert outcome(lambda: serving(world).get(attachment.id)) == "NotFound"


def test_nothing_of_a_deleted_conversation_is_seen_by_its_participants(world: World) -> None:
    attachment = world.add()
    world.chat.delete_conversation(CONVERSATION, 2, NOON)
    assert outcome(lambda: serving(world).get(attachment.id)) == "NotFound"


# ---------------------------------------------------------------- get


def test_an_attachment_is_shown_with_its_thumbnail_but_without_its_url(world: World) -> None:
    attachment = world.add()
    shown = serving(world).get(attachment.id)
    assert (shown.view.id, shown.view.url) == (attachment.id, None)
    assert shown.view.thumbnail_url is not None
    assert "Retry-After" not in shown.headers
    assert not world.activity.entries


def test_a_pending_attachment_says_when_to_ask_again(world: World) -> None:
    shown = serving(world).get(world.add(Status.PENDING).id)
    assert shown.headers["Retry-After"] == "1"


def test_an_etag_changes_with_the_record(world: World) -> None:
    attachment = world.add(Status.PENDING)
    mine = serving(world)
    before = mine.get(attachment.id).etag
    assert mine.get(attachment.id).etag == before
    world.catalog.change(attachment.failed(reason="No."), None)
    assert mine.get(attachment.id).etag != before
    assert before.startswith('W/"')


def test_an_etag_changes_when_half_of_its_thumbnails_url_is_over(world: World) -> None:
    mine, attachment = serving(world, url_seconds=900), world.add()
    before = mine.get(attachment.id).etag
    world.pass_time(timedelta(seconds=450))
    assert mine.get(attachment.id).etag != before


# ---------------------------------------------------------------- download


def test_a_download_is_logged_and_gives_the_inspected_version_for_its_time(world: World) -> None:
    attachment = world.add()
    download = serving(world, PARTICIPANT, url_seconds=300).download(attachment.id, video_only=True)
    assert download.id == attachment.id
    assert attachment.version is not None
    query = parse_qs(urlsplit(download.url).query)
    assert query["versionId"] == [attachment.version.version_id]
    assert query["X-Amz-Expires"] == ["300"]
    assert download.thumbnail_url is not None
    assert download.expires_at == NOON + timedelta(minutes=5)
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.FILE_DOWNLOADED, "participant")
    assert (logged.attachment_id, logged.admin_override) == (attachment.id, False)


def test_an_admins_download_is_logged_as_an_override_unless_they_take_part(world: World) -> None:
    attachment = world.add()
    serving(world, ADMIN).download(attachment.id, video_only=False)
    serving(world, replace(PARTICIPANT, admin=True)).download(attachment.id, video_only=False)
    assert [entry.admin_override for entry in world.activity.entries] == [True, False]


def test_without_a_log_entry_there_is_no_url(world: World) -> None:
    class Unwritable(MemoryActivity):
        def add(self, entry: Activity) -> None:
            raise CrashError

    attachment = world.add()
    with pytest.raises(CrashError):
        serving(world, activity=Unwritable(world.clock)).download(attachment.id, video_only=False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.PENDING, "not uploaded yet"),
        (Status.REJECTED, "rejected: This is a PNG image."),
        (Status.FAILED, "could not be inspected yet"),
        (Status.EXPIRED, "never uploaded"),
    ],
)
def test_what_is_not_ready_is_not_downloaded_and_says_why(
    world: World, status: Status, words: str
) -> None:
    attachment = world.add(status)
    with pytest.raises(NotReadyError, match=words):
        serving(world).download(attachment.id, video_only=False)
    assert not world.activity.entries


def test_a_reason_with_braces_is_shown_as_it_is(world: World) -> None:
    attachment = world.add(Status.PENDING)
    version = world.storage.arrive(attachment.upload_key, b"x")
    rejected = attachment.rejected(version=version, reason="{0} {reason}", now=NOON)
    world.catalog.change(rejected, None)
    with pytest.raises(NotReadyError, match=r"\{0\} \{reason\}"):
        serving(world).download(attachment.id, video_only=False)


def test_the_video_route_downloads_videos_only(world: World) -> None:
    image = world.add(file_type=FileType.IMAGE)
    assert outcome(lambda: serving(world).download(image.id, video_only=True)) == "NotFound"
    assert outcome(lambda: serving(world).download(image.id, video_only=False)) == "done"


# ---------------------------------------------------------------- delete


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.DELETED])
def test_deleting_removes_sight_bytes_and_thumbnail_in_every_state(
    world: World, status: Status
) -> None:
    attachment = world.add(status)
    answer = serving(world).delete(attachment.id)
    assert answer.message == "Attachment deleted successfully"
    assert not world.storage.keys()
    assert world.catalog.get(attachment.id).status is Status.DELETED
    assert list(world.chat.attachments_of(MESSAGE)) == []
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.FILE_DELETED, "sender")
    assert not logged.admin_override
    assert outcome(lambda: serving(world).get(attachment.id)) == "NotFound"


def test_an_admins_deletion_is_logged_as_an_override(world: World) -> None:
    serving(world, ADMIN).delete(world.add().id)
    [logged] = world.activity.entries
    assert (logged.user_id, logged.admin_override) == ("admin", True)


def test_who_may_not_delete_changes_nothing(world: World) -> None:
    attachment = world.add()
    with pytest.raises(ForbiddenError):
        serving(world, PARTICIPANT).delete(attachment.id)
    assert world.catalog.get(attachment.id) == attachment
    assert len(world.storage.keys()) == 2
    assert not world.activity.entries
