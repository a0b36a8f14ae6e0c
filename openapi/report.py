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

USAGE: dict[str, object] = {
    "as_of": "2026-11-20T09:00:00Z",
    "stored": {"files": 3, "bytes": 9400},
    "kinds": [
        {"file_type": "document", "status": "ready", "files": 2, "bytes": 1200},
        {"file_type": "video", "status": "deleted", "files": 1, "bytes": 5000},
        {"file_type": "video", "status": "pending", "files": 1, "bytes": 8200},
    ],
    "days": [
        {
            "day": "2026-11-20",
            "files": 1,
            "bytes": 8200,
            "by_type": {"video": {"files": 1, "bytes": 8200}},
        }
    ],
    "users": [{"user_id": "anna", "files": 2, "bytes": 8700, "pending_uploads": 1}],
}

OPERATIONS = {
    "report_usage": Operation(
        summary="Show how much there is",
        who="admins",
        says=(
            "Files and bytes by type and status, by the day of the upload, and who stores most."
            " It follows changes within moments; `as_of` says how far. At most 366 days."
        ),
        answers=(
            Answer(
                says="All records that there are, deleted ones until their tombstone ends.",
                examples={
                    "some files": USAGE,
                    "nothing": {
                        "as_of": None,
                        "stored": {"files": 0, "bytes": 0},
                        "kinds": [],
                        "days": [],
                        "users": [],
                    },
                },
            ),
        ),
        errors=(wrong("from", "It is after `to`."),),
    ),
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
