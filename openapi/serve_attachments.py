"""The routes that show, list, hand out and delete attachments."""

from attachments import errors
from openapi.examples import (
    ATTACHMENT,
    EMPTY_PAGE,
    LAST_PAGE,
    LATER,
    PAGE,
    PENDING,
    READY,
    REJECTED,
    THUMBNAIL_URL,
    URL,
)
from openapi.operation import ALTERED_CURSOR, CHANGING, NOT_FOUND, Answer, Operation, wrong

TAG = "Attachments"
WHO = "participants; admins"

ETAG = {"ETag": "Of the record and its URLs; send it back as If-None-Match."}
HANDED_OUT = Answer(
    says="Where the bytes are. Handing this out is what the activity log calls a download.",
    examples={
        "video": {
            "id": ATTACHMENT,
            "url": URL,
            "thumbnail_url": THUMBNAIL_URL,
            "expires_at": LATER,
        },
    },
)
NOT_READY = (
    errors.NotReadyError(
        "The file was not uploaded yet, or is being inspected. Try again in a moment."
    ),
    errors.NotReadyError("The file was rejected: This is not a video: the file is a PNG image."),
)
WRONG_LIMIT = wrong("limit", "Input should be less than or equal to 100.")


def _page(says: str) -> Answer:
    return Answer(
        says=says,
        examples={"more to come": PAGE, "the last page": LAST_PAGE, "nothing": EMPTY_PAGE},
    )


OPERATIONS = {
    "get_attachment": Operation(
        summary="Show an attachment",
        who=f"{WHO}; before it is ready, the uploader and admins only",
        headers={
            "If-None-Match": (
                {"type": "string"},
                "The ETag of an earlier answer: 304 if nothing changed.",
            ),
            "Prefer": (
                {"type": "string", "examples": ["wait=5"]},
                "`wait=5` answers once it is pending no more, after so many seconds at most.",
            ),
        },
        answers=(
            Answer(
                says="The attachment.",
                examples={"ready": READY, "pending": PENDING, "rejected": REJECTED},
                headers={
                    **ETAG,
                    "Retry-After": "While pending: seconds until asking again.",
                    "Preference-Applied": "`wait=5`, where `Prefer` asked for it.",
                },
                links={
                    "list_message": {"message_id": "$response.body#/message_id"},
                    "list_conversation": {"conversation_id": "$response.body#/conversation_id"},
                },
            ),
            Answer(status=304, says="As it was when it had this ETag.", headers=ETAG),
        ),
        errors=(NOT_FOUND,),
    ),
    "download_attachment": Operation(
        summary="Hand out the URLs of a file",
        who=WHO,
        answers=(HANDED_OUT,),
        errors=(NOT_FOUND, *NOT_READY),
    ),
    "download_video": Operation(
        summary="Hand out the URLs of a video",
        who=WHO,
        answers=(HANDED_OUT,),
        errors=(NOT_FOUND, *NOT_READY),
    ),
    "delete_attachment": Operation(
        summary="Delete an attachment",
        who="the uploader while a participant; admins",
        says="Out of everybody's sight at once, then out of the bucket.",
        answers=(
            Answer(
                says="It is deleted.",
                examples={"deleted": {"message": "Attachment deleted successfully"}},
            ),
        ),
        errors=(NOT_FOUND, CHANGING),
    ),
    "list_message": Operation(
        summary="List the attachments of a message",
        who=WHO,
        answers=(_page("A page, newest first."),),
        errors=(NOT_FOUND, ALTERED_CURSOR, WRONG_LIMIT),
    ),
    "list_conversation": Operation(
        summary="List the attachments of a conversation",
        who=WHO,
        answers=(_page("A page, newest first."),),
        errors=(NOT_FOUND, ALTERED_CURSOR, WRONG_LIMIT),
    ),
    "list_all": Operation(
        summary="List the attachments of all conversations",
        who="admins",
        says="Days are in UTC; without them, the last 30.",
        answers=(_page("A page, newest first. It can be short and still have a next one."),),
        errors=(ALTERED_CURSOR, wrong("from", "The first day is after the last.")),
    ),
}
