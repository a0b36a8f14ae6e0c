"""Where the bytes are: a presigned URL of exactly what was inspected."""

from attachments.file_types import VIDEO_MIME_TYPES
from attachments.model import Attachment
from attachments.serving import content_disposition
from attachments.storage import Storage

# What a browser may show in place: nothing in these can run a script (OWASP ASVS 5.0, chapter V5).
INLINE_MIME_TYPES = frozenset(
    {
        *VIDEO_MIME_TYPES,
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/opus",
        "audio/wav",
        "audio/x-wav",
        "audio/flac",
        "audio/aac",
        "audio/webm",
    }
)
HARMLESS = "application/octet-stream"


def download_url(attachment: Attachment, storage: Storage, *, seconds: int) -> str:
    """A URL of exactly the inspected version.

    Types on the allow-list open in place; everything else is saved, under a type that no browser
    interprets.
    """
    inline = attachment.mime_type in INLINE_MIME_TYPES
    return storage.sign_get(
        attachment.upload_key,
        version_id=attachment.version.version_id if attachment.version else None,
        seconds=seconds,
        content_type=attachment.mime_type if inline else HARMLESS,
        disposition=content_disposition(attachment.file_name, inline=inline),
    )
