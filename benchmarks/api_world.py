"""A small chat, new for each request: two messages, and their attachments with bytes."""

from datetime import timedelta

from attachments import wiring
from attachments.activity import entry
from attachments.ids import new_id, utc_now
from attachments.model import (
    Action,
    Attachment,
    FileType,
    Media,
    Message,
    ObjectVersion,
    Thumbnail,
)

READY = 3  # of the message that is listed; one more is pending
VIDEO = b"the bytes of a video"
MEDIA = Media(
    duration_ms=119_960,
    width=1920,
    height=1080,
    rotation=0,
    bitrate_kbps=5000,
    frame_rate=29.97,
    codec="h264",
    audio_codec="aac",
    has_audio=True,
    hdr=False,
    streamable=True,
)


def new_world() -> dict[str, str]:
    """The names of what it holds, by which requests speak of them."""
    conversation, user = new_id(), new_id()
    wiring.chat().put_conversation(conversation, ["sender", "participant", user], 1)
    message = _message(conversation, "sender")
    ready = [_ready(_pending(message)) for _ in range(READY)]
    _ready(_pending(_message(conversation, user)))
    return {
        "conversation": conversation,
        "message": message.id,
        "ready": ready[0].id,
        "pending": _pending(message).id,
        "user": user,
        "key": new_id(),
        "today": utc_now().date().isoformat(),
    }


def _message(conversation: str, sender: str) -> Message:
    message = Message(id=new_id(), conversation_id=conversation, sender_id=sender, version=1)
    wiring.chat().put_message(message)
    return message


def _pending(message: Message) -> Attachment:
    now = utc_now()
    attachment = Attachment(
        id=new_id(),
        message_id=message.id,
        conversation_id=message.conversation_id,
        uploaded_by=message.sender_id,
        file_name="holiday.mp4",
        file_type=FileType.VIDEO,
        file_size=len(VIDEO),
        mime_type="video/mp4",
        created_at=now,
        due_at=now + timedelta(hours=1),
    )
    note = entry(Action.UPLOAD_REQUESTED, attachment, user_id=attachment.uploaded_by, at=now)
    wiring.catalog().create(attachment, note, None)
    return attachment


def _ready(pending: Attachment) -> Attachment:
    storage = wiring.storage()
    thumbnail = Thumbnail(f"{pending.thumbnail_prefix}t.jpg", 320, 180, 1000)
    storage.put_once(pending.upload_key, VIDEO, mime_type=pending.mime_type)
    storage.put_once(thumbnail.key, b"a picture", mime_type="image/jpeg")
    version: ObjectVersion = storage.head(pending.upload_key)
    ready = pending.ready(
        version=version,
        uploaded_at=utc_now(),
        file_type=pending.file_type,
        mime_type=pending.mime_type,
        media=MEDIA,
        thumbnail=thumbnail,
        placeholder="1QcSHQRnh493V4dIh4eXh1h4kJUI",
    )
    wiring.catalog().change(ready, None)
    return ready
