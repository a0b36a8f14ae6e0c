"""What a caller may see of attachments, and do with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydantic import BaseModel

from attachments.access import (
    Act,
    Roles,
    allows,
    overrides,
    require,
    require_visible,
    roles_in_conversation,
    roles_towards,
    visible,
)
from attachments.activity import ActivityLog, entry
from attachments.catalog import Catalog, Page
from attachments.chat import Chat, Membership
from attachments.cursors import decode_cursor, encode_cursor
from attachments.deletion import Deletion
from attachments.errors import InvalidRequestError, NotFoundError, NotReadyError
from attachments.model import Action, Attachment, Caller, FileType, Status
from attachments.serving import thumbnail_url
from attachments.storage import Storage
from attachments.views import AttachmentView, Instant, PageView, view_of
from functions.serve_attachments.downloads import download_url
from functions.serve_attachments.waiting import IMPATIENT, Patience

LIST_DAYS = 30
WHY_NOT = {
    Status.PENDING: "The file was not uploaded yet, or is being inspected. Try again in a moment.",
    Status.REJECTED: "The file was rejected: {reason}",
    Status.FAILED: "The file could not be inspected yet. We keep it and will try again.",
    Status.EXPIRED: "The file was never uploaded.",
}


class Download(BaseModel):
    """Where the bytes are, until `expires_at`."""

    id: str
    url: str
    thumbnail_url: str | None
    expires_at: Instant


class Deleted(BaseModel):
    message: str = "Attachment deleted successfully"


@dataclass(frozen=True, slots=True)
class Shown:
    """An attachment as an answer: the view, and what its headers say."""

    view: AttachmentView
    etag: str

    @property
    def headers(self) -> dict[str, str | list[str]]:
        waiting = {"Retry-After": "1"} if self.view.status is Status.PENDING else {}
        return {"ETag": self.etag, **waiting}


@dataclass(frozen=True, slots=True)
class Serving:
    """Everything that one caller can ask of the records."""

    caller: Caller
    catalog: Catalog
    chat: Chat
    activity: ActivityLog
    storage: Storage
    deletion: Deletion
    clock: Callable[[], datetime]
    url_seconds: int

    # ------------------------------------------------------------ one attachment

    def get(self, attachment_id: str, *, patience: Patience = IMPATIENT) -> Shown:
        """The attachment, which a patient caller sees as it is when it is pending no more.

        Raises NotFoundError for what is not there or not for this caller.
        """
        attachment, _ = self._find(attachment_id)
        if attachment.status is Status.PENDING and patience.seconds > 0:
            patience.until(lambda: not self._is_pending(attachment_id))
            attachment, _ = self._find(attachment_id)  # who may see it can have changed as well
        return Shown(self._view(attachment), self._etag(attachment))

    def download(self, attachment_id: str, *, video_only: bool) -> Download:
        """URLs of the bytes; handing them out is logged first.

        Raises NotFoundError, and NotReadyError with the reason why there is nothing to download.
        """
        attachment, roles = self._find(attachment_id, to_log=True)
        if video_only and attachment.file_type is not FileType.VIDEO:
            raise NotFoundError
        if attachment.status is not Status.READY:
            raise NotReadyError(WHY_NOT[attachment.status].format(reason=attachment.reason))
        if attachment.missing:
            raise NotReadyError(attachment.reason or "")
        now = self.clock()
        self.activity.add(
            entry(
                Action.FILE_DOWNLOADED,
                attachment,
                user_id=self.caller.user_id,
                at=now,
                admin_override=overrides(Act.SEE_READY, roles),
            )
        )
        return Download(
            id=attachment.id,
            url=download_url(attachment, self.storage, seconds=self.url_seconds),
            thumbnail_url=thumbnail_url(attachment, self.storage, seconds=self.url_seconds),
            expires_at=now + timedelta(seconds=self.url_seconds),
        )

    def delete(self, attachment_id: str) -> Deleted:
        """Delete it. Raises NotFoundError, and ForbiddenError for other participants."""
        attachment, roles = self._find(attachment_id, to_log=True)
        require(Act.DELETE, roles)
        self.deletion.attachment(
            attachment,
            user_id=self.caller.user_id,
            admin_override=overrides(Act.DELETE, roles),
        )
        return Deleted()

    # ------------------------------------------------------------ pages

    def of_message(
        self, message_id: str, *, limit: int, cursor: str | None
    ) -> PageView[AttachmentView]:
        """Attachments of a message. Raises NotFoundError, InvalidCursorError."""
        message = self.chat.message(message_id)
        if message is None:
            raise NotFoundError
        membership = self._membership(message.conversation_id)
        query = {"message": message_id}
        return self._page(
            self.catalog.of_message(
                message_id,
                keep=self._visible_to(membership),
                limit=limit,
                after=decode_cursor(cursor, query),
            ),
            query,
        )

    def of_conversation(
        self, conversation_id: str, file_type: FileType | None, *, limit: int, cursor: str | None
    ) -> PageView[AttachmentView]:
        """The media of a conversation, newest first. Raises NotFoundError, InvalidCursorError."""
        membership = self._membership(conversation_id)
        query = {"conversation": conversation_id, "type": file_type}
        return self._page(
            self.catalog.of_conversation(
                conversation_id,
                file_type,
                keep=self._visible_to(membership),
                limit=limit,
                after=decode_cursor(cursor, query),
            ),
            query,
        )

    def of_days(
        self,
        first: date | None,
        last: date | None,
        file_type: FileType | None,
        *,
        limit: int,
        cursor: str | None,
    ) -> PageView[AttachmentView]:
        """Attachments of all conversations, newest first, for admins; the last 30 days by default.

        Raises ForbiddenError, InvalidRequestError, InvalidCursorError.
        """
        require(Act.SEE_EVERYTHING, roles_in_conversation(self.caller, participant=False))
        query = {"from": _text(first), "to": _text(last), "type": file_type}
        after = decode_cursor(cursor, query)
        last = last or self.clock().date()
        first = first or date.fromordinal(max(1, last.toordinal() - LIST_DAYS + 1))
        if first > last:
            problem = "The first day is after the last."
            raise InvalidRequestError(problem, fields={"from": problem})
        page = self.catalog.of_days(
            first,
            last,
            file_type,
            keep=lambda attachment: attachment.status is not Status.DELETED,
            limit=limit,
            after=after,
        )
        return self._page(page, query)

    # ------------------------------------------------------------ shared steps

    def _find(self, attachment_id: str, *, to_log: bool = False) -> tuple[Attachment, Roles]:
        """The attachment and what the caller is to it.

        An admin's membership matters only `to_log`: it tells a right from an override.
        """
        attachment = self.catalog.get(attachment_id)
        participant = False
        if to_log or not self.caller.admin:
            participant = self.chat.membership(
                attachment.conversation_id, self.caller.user_id
            ).participant
        roles = roles_towards(attachment, self.caller, participant=participant)
        require_visible(attachment, roles)
        return attachment, roles

    def _is_pending(self, attachment_id: str) -> bool:
        return self.catalog.get(attachment_id).status is Status.PENDING

    def _membership(self, conversation_id: str) -> Membership:
        """The caller's place in a conversation that they may see. Raises NotFoundError."""
        membership = self.chat.membership(conversation_id, self.caller.user_id)
        roles = roles_in_conversation(self.caller, participant=membership.participant)
        if not membership.known or not allows(Act.SEE_CONVERSATION, roles):
            raise NotFoundError
        return membership

    def _visible_to(self, membership: Membership) -> Callable[[Attachment], bool]:
        return lambda attachment: visible(
            attachment,
            roles_towards(attachment, self.caller, participant=membership.participant),
        )

    def _view(self, attachment: Attachment) -> AttachmentView:
        return view_of(attachment, self.storage, seconds=self.url_seconds)

    def _page(self, page: Page, query: Mapping[str, str | None]) -> PageView[AttachmentView]:
        return PageView(
            items=[self._view(attachment) for attachment in page.items],
            next_cursor=encode_cursor(page.next, query),
        )

    def _etag(self, attachment: Attachment) -> str:
        """Weak, for it changes with the record, and with the thumbnail's URL at half its life."""
        half_lives = int(self.clock().timestamp()) // max(1, self.url_seconds // 2)
        return f'W/"{attachment.revision}-{half_lives}"'


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
