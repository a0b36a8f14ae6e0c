"""The upload routes."""

from attachments import errors
from openapi.examples import (
    ATTACHMENT,
    COPY_ID,
    LATER,
    MESSAGE,
    OTHER_CONVERSATION,
    OTHER_MESSAGE,
    PENDING,
    READY,
)
from openapi.operation import NOT_FOUND, Answer, Operation, wrong

TAG = "Uploads"
WHO = "the message's sender while a participant; admins"

VIDEO = {
    "message_id": MESSAGE,
    "file_name": "holiday.mp4",
    "file_size": PENDING["file_size"],
    "mime_type": "video/mp4",
}
CHECKED = {
    "message_id": MESSAGE,
    "file_name": "tickets.pdf",
    "file_size": 48_213,
    "mime_type": "application/pdf",
    "sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
}
UPLOAD = {
    "method": "PUT",
    "url": f"https://bucket.s3.eu-central-1.amazonaws.com/uploads/{ATTACHMENT}?X-Amz-…",
    "headers": {"Content-Type": "video/mp4", "If-None-Match": "*"},
    "key": f"uploads/{ATTACHMENT}",
    "part_size": 5 * 2**20,
    "expires_at": LATER,
}
PART = {"method": "PUT", "key": UPLOAD["key"], "uploadId": "VXBsb2FkIElE", "partNumber": 2}
COPY = {"id": COPY_ID, "message_id": OTHER_MESSAGE, "conversation_id": OTHER_CONVERSATION}
COPIED = {**READY, **COPY}
COPYING = {**PENDING, **COPY}
SIGNED_PART = {
    "url": f"https://bucket.s3.eu-central-1.amazonaws.com/uploads/{ATTACHMENT}?partNumber=2&X-Amz-…",
    "key": UPLOAD["key"],
    "headers": {},
    "expires_at": LATER,
}
ISSUED = Answer(
    status=201,
    says="The pending attachment, and the one request that S3 accepts for its bytes.",
    examples={
        "issued": {**PENDING, "upload": UPLOAD},
        "retried after the upload": {**READY, "thumbnail_url": None, "upload": None},
    },
    headers={"Location": "The attachment's path."},
    links={
        operation: {"attachment_id": "$response.body#/id"}
        for operation in ("get_attachment", "download_attachment", "delete_attachment", "sign")
    },
)
NO_MESSAGE = "There is no such message, or not for you."
ERRORS = (
    errors.NotFoundError(NO_MESSAGE, fields={"message_id": NO_MESSAGE}),
    errors.ConflictError("The attachment of this idempotency key was deleted."),
    errors.TooLargeError(
        "A video may have at most 100 MB.",
        fields={"file_size": "A video may have at most 100 MB."},
    ),
    wrong("file_size", "Input should be greater than 0."),
    errors.IdempotencyConflictError(),
)
IDEMPOTENCY_KEY = {
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 255},
        "A retry with the same key and body returns the same attachment, for 24 hours.",
    )
}

OPERATIONS = {
    "upload_video": Operation(
        summary="Ask to upload a video",
        who=WHO,
        says="MP4, WebM, OGG, MOV, AVI or MKV, by extension and type, and later by content.",
        bodies={"video": VIDEO},
        headers=IDEMPOTENCY_KEY,
        answers=(ISSUED,),
        errors=(
            *ERRORS,
            errors.UnsupportedTypeError(
                "Videos can be MP4, WebM, OGG, MOV, AVI or MKV.",
                fields={"file_name": "The extension is not that of a video format."},
            ),
        ),
    ),
    "upload_file": Operation(
        summary="Ask to upload any file",
        who=WHO,
        says="The size limit is that of the file's type.",
        bodies={"video": VIDEO, "with a checksum": CHECKED},
        headers=IDEMPOTENCY_KEY,
        answers=(ISSUED,),
        errors=ERRORS,
    ),
    "sign": Operation(
        summary="Sign the next request of an upload",
        who="the uploader while a participant; admins for their own uploads",
        says="The single PUT again, or one step of an upload in parts, as Uppy asks for it.",
        bodies={"a part": PART, "the single PUT": {"method": "PUT", "key": UPLOAD["key"]}},
        answers=(Answer(says="The request that S3 accepts.", examples={"a part": SIGNED_PART}),),
        errors=(
            NOT_FOUND,
            errors.ConflictError("The attachment is ready: there is nothing to upload."),
            wrong("partNumber", "The declared size has parts 1 to 3."),
        ),
    ),
    "copy": Operation(
        summary="Forward an attachment to another message",
        who="participants here who are the sender, and a participant, there; admins",
        says="A copy within S3, and an attachment of its own: nothing is uploaded again.",
        bodies={"to another message": {"message_id": OTHER_MESSAGE}},
        headers=IDEMPOTENCY_KEY,
        answers=(
            Answer(
                status=201,
                says="The new attachment; pending where S3 takes longer than a request may.",
                examples={"copied": COPIED, "still being copied": COPYING},
                headers={"Location": "The new attachment's path."},
                links={"get_attachment": {"attachment_id": "$response.body#/id"}},
            ),
        ),
        errors=(
            errors.NotFoundError(NO_MESSAGE, fields={"message_id": NO_MESSAGE}),
            errors.NotReadyError("The attachment is pending: only a ready one is forwarded."),
            errors.ConflictError("The attachment of this idempotency key was deleted."),
            wrong("message_id", "Field required."),
            errors.IdempotencyConflictError(),
        ),
    ),
}
