"""The routes of the chat backend."""

from attachments import errors
from openapi.examples import CONVERSATION, MESSAGE
from openapi.operation import CHANGING, NOT_FOUND, Answer, Operation, wrong

TAG = "Chat backend"
WHO = "the chat backend's service token"

WRONG_ID = wrong(
    "conversation_id", "Input should be a valid UUID, invalid length: expected 32, found 4."
)
NO_VERSION = wrong("version", 'Send {"version": n}, or ?version=n.')


def _put(subject: str) -> Answer:
    synced = {"id": subject, "version": 3, "applied": True, "deleted_attachments": None}
    return Answer(
        says="What is recorded now. An older version than the recorded one changes nothing.",
        examples={"applied": synced, "older": {**synced, "version": 1, "applied": False}},
    )


def _deleted(subject: str) -> Answer:
    synced = {"id": subject, "version": 4, "applied": True, "deleted_attachments": 2}
    older = {**synced, "version": 1, "applied": False, "deleted_attachments": None}
    return Answer(
        says="It is deleted, its attachments too; the sweep finishes what takes longer.",
        examples={"deleted": synced, "older": older},
    )


OPERATIONS = {
    "put_conversation": Operation(
        summary="Tell the participants of a conversation",
        who=WHO,
        bodies={"two people": {"participants": ["sender", "participant"], "version": 3}},
        answers=(_put(CONVERSATION),),
        errors=(
            NOT_FOUND,
            errors.ConflictError("The conversation was deleted."),
            errors.ConflictError("Other participants were given with this version before."),
            WRONG_ID,
        ),
    ),
    "delete_conversation": Operation(
        summary="Delete a conversation with its messages and attachments",
        who=WHO,
        bodies={"version": {"version": 4}},
        answers=(_deleted(CONVERSATION),),
        errors=(NOT_FOUND, CHANGING, NO_VERSION),
    ),
    "put_message": Operation(
        summary="Tell of a message",
        who=WHO,
        bodies={"message": {"conversation_id": CONVERSATION, "sender_id": "sender", "version": 3}},
        answers=(_put(MESSAGE),),
        errors=(
            NOT_FOUND,
            errors.ConflictError("The message was deleted."),
            errors.ConflictError("A message keeps its conversation and its sender."),
            wrong("sender_id", "Field required."),
        ),
    ),
    "delete_message": Operation(
        summary="Delete a message with its attachments",
        who=WHO,
        bodies={"version": {"version": 4}},
        answers=(_deleted(MESSAGE),),
        errors=(NOT_FOUND, CHANGING, NO_VERSION),
    ),
}
