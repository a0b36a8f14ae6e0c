"""The routes of the chat backend."""

from attachments import errors
from openapi.examples import CONVERSATION, CURSOR, EMPTY_PAGE, MESSAGE
from openapi.operation import ALTERED_CURSOR, CHANGING, NOT_FOUND, Answer, Operation, wrong

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
    "erase_user": Operation(
        summary="Erase a user",
        who=WHO,
        says=(
            "Their attachments go with their bytes, their memberships end, and a pseudonym stands "
            "for them in what stays. The sweep finishes what takes longer."
        ),
        answers=(
            Answer(
                says="What this call did.",
                examples={
                    "begun": {
                        "id": "sender",
                        "deleted_attachments": 12,
                        "removed_memberships": 3,
                        "pseudonymised_messages": 40,
                        "pseudonymised_entries": 57,
                        "finished": False,
                    }
                },
            ),
        ),
        errors=(
            NOT_FOUND,
            CHANGING,
            wrong("user_id", "String should have at most 128 characters."),
        ),
    ),
    "export_user": Operation(
        summary="All that is kept about a user",
        who=WHO,
        answers=(
            Answer(
                says="Attachments, memberships, messages sent, activity, and what is counted.",
                examples={
                    "more to come": {
                        "items": [
                            {"kind": "conversation", "about": {"id": CONVERSATION}},
                            {"kind": "message", "about": {"id": MESSAGE}},
                        ],
                        "next_cursor": CURSOR,
                    },
                    "nothing": EMPTY_PAGE,
                },
            ),
        ),
        errors=(
            NOT_FOUND,
            ALTERED_CURSOR,
            wrong("limit", "Input should be less than or equal to 100."),
        ),
    ),
}
