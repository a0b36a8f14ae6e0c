"""What admins ask."""

from attachments.ids import rfc3339
from attachments.model import Action
from openapi.examples import ATTACHMENT, CONVERSATION, CURSOR, EMPTY_PAGE, MESSAGE, NOW
from openapi.operation import ALTERED_CURSOR, Answer, Operation, wrong

TAG = "Reports"

ENTRY = {
    "id": "01a1f85f-a0c1-7b3e-9f52-3a7d5e9b1c40",
    "action": Action.FILE_DOWNLOADED,
    "user_id": "participant",
    "attachment_id": ATTACHMENT,
    "message_id": MESSAGE,
    "conversation_id": CONVERSATION,
    "at": rfc3339(NOW),
    "admin_override": False,
    "description": "",
}

OPERATIONS = {
    "report_activity": Operation(
        summary="List the activity log",
        who="admins",
        says="Of an attachment, of a user, or of all; without times, the last 30 days of all.",
        answers=(
            Answer(
                says="A page, newest first. It can be short and still have a next one.",
                examples={
                    "more to come": {"items": [ENTRY], "next_cursor": CURSOR},
                    "nothing": EMPTY_PAGE,
                },
            ),
        ),
        errors=(ALTERED_CURSOR, wrong("from", "It is after `to`.")),
    ),
}
