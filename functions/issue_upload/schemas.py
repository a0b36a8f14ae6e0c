"""What an upload request and its answer look like."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from attachments.model import Attachment
from attachments.storage import SignedRequest
from attachments.views import AttachmentView, Instant, fields_of
from functions.issue_upload.parts import MAX_PARTS, part_size


def _base64_sha256(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("This is not base64.") from error
    if len(digest) != 32:
        raise ValueError("A SHA-256 digest has 32 bytes.")
    return text


class UploadRequest(BaseModel):
    """What a client says of the file before it sends it."""

    message_id: UUID
    file_name: str = Field(min_length=1, max_length=1024)
    file_size: int = Field(gt=0, strict=True, description="In bytes, exactly.")
    mime_type: str = Field(min_length=1, max_length=255)
    sha256: Annotated[str, AfterValidator(_base64_sha256)] | None = Field(
        default=None, description="Of the whole file, base64: S3 then refuses any other content."
    )


class SignRequest(BaseModel):
    """One S3 operation in the shape of Uppy's `signRequest`; no upload id and no part: PutObject.

    A `contentType` that is sent along changes nothing: the declared type is signed.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    method: Literal["GET", "PUT", "POST", "DELETE"]
    key: str = Field(min_length=1, max_length=1024)
    upload_id: str | None = Field(default=None, pattern=r"^[!-~]{1,1024}$")
    part_number: int | None = Field(default=None, ge=1, le=MAX_PARTS, strict=True)


class SignedView(BaseModel):
    """One request to S3: send it with exactly these headers, before it expires."""

    url: str
    key: str
    headers: dict[str, str]
    expires_at: Instant


class CopyRequest(BaseModel):
    """Where an attachment is forwarded to."""

    message_id: UUID


class UploadView(BaseModel):
    """One request to S3: send the file's bytes with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    key: str
    part_size: int = Field(
        description="Bytes of a part, for an upload in parts; the last: the rest."
    )
    expires_at: Instant


class UploadTicket(AttachmentView):
    """The pending attachment and how to upload it; `upload` is null once something was uploaded."""

    upload: UploadView | None


@dataclass(frozen=True, slots=True)
class IssuedUpload:
    """A record and, while it is pending, the signed request for its bytes."""

    attachment: Attachment
    request: SignedRequest | None
    expires_at: datetime


def ticket_of(issued: IssuedUpload) -> UploadTicket:
    """The answer as clients see it."""
    request = issued.request
    upload = request and {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "key": issued.attachment.upload_key,
        "part_size": part_size(issued.attachment.file_size),
        "expires_at": issued.expires_at,
    }
    return UploadTicket.model_validate({**fields_of(issued.attachment), "upload": upload})
