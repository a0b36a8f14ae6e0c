"""Handing out URLs: under which type and name S3 serves a file."""

from datetime import datetime, timedelta
from urllib.parse import quote

from attachments.file_types import INLINE_MIME_TYPES
from attachments.model import Attachment
from attachments.storage import Storage

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


def thumbnail_url(attachment: Attachment, storage: Storage, *, seconds: int) -> str | None:
    """A URL of the thumbnail, None if there is none."""
    if attachment.thumbnail is None:
        return None
    return storage.sign_get(
        attachment.thumbnail.key,
        version_id=None,
        seconds=seconds,
        content_type="image/jpeg",
        disposition="inline",
    )


def content_disposition(file_name: str, *, inline: bool) -> str:
    """The header of RFC 6266: a plain name for old clients, the true one in UTF-8 (RFC 8187)."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "._- " else "_" for c in file_name)
    encoded = quote(file_name, safe="")
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def expiry(now: datetime, seconds: int) -> datetime:
    """When a URL signed now ends."""
    return now + timedelta(seconds=seconds)
