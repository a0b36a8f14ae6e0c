"""Handing out URLs: under which type and name S3 serves a file."""

from urllib.parse import quote

from attachments.model import Attachment
from attachments.storage import Storage


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
