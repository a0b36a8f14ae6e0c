"""Who gets which answer: the whole table, written out.

A row is a route and what it is asked about; a cell is the status, and behind a slash how many items
a list shows. What it is asked about:

    own        what the sender sent (or, for the one who left, what they sent themselves): ready
    pending    the same, not uploaded yet
    document   the same, but no video
    deleted    the same, deleted
    other      what somebody else sent in another conversation
    unknown    an id that nothing has
    all        the route names nothing
"""

from dataclasses import dataclass

CALLERS = ("uploader", "participant", "former", "stranger", "admin", "service", "nobody")

#             uploader  participant  former  stranger  admin  service  nobody
TABLE = """
POST /api/chat/videos/upload
    own        201       403         404      404      201     403     401
    other      404       404         404      404      201     403     401
    unknown    404       404         404      404      404     403     401
POST /api/chat/upload
    own        201       403         404      404      201     403     401
    other      404       404         404      404      201     403     401
    unknown    404       404         404      404      404     403     401
POST /api/chat/attachments/<attachment_id>/sign
    own        409       403         404      404      403     403     401
    pending    200       404         404      404      403     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      403     403     401
    unknown    404       404         404      404      404     403     401
POST /api/chat/attachments/<attachment_id>/copy
    own        201       201         404      404      201     403     401
    pending    409       404         404      404      409     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      201     403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/attachments
    all        403       403         403      403      200/6   403     401
GET /api/chat/attachments/<attachment_id>
    own        200       200         404      404      200     403     401
    pending    200       404         404      404      200     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      200     403     401
    unknown    404       404         404      404      404     403     401
DELETE /api/chat/attachments/<attachment_id>
    own        200       403         404      404      200     403     401
    pending    200       404         404      404      200     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      200     403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/attachments/<attachment_id>/download
    own        200       200         404      404      200     403     401
    pending    409       404         404      404      409     403     401
    document   200       200         404      404      200     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      200     403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/videos/<attachment_id>/download
    own        200       200         404      404      200     403     401
    pending    409       404         404      404      409     403     401
    document   404       404         404      404      404     403     401
    deleted    404       404         404      404      404     403     401
    other      404       404         404      404      200     403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/messages/<message_id>/attachments
    own        200/3     200/2       404      404      200/3   403     401
    other      404       404         404      404      200/3   403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/conversations/<conversation_id>/attachments
    own        200/5     200/4       404      404      200/6   403     401
    other      404       404         404      404      200/3   403     401
    unknown    404       404         404      404      404     403     401
GET /api/chat/reports/activity
    own        403       403         403      403      200/1   403     401
    other      403       403         403      403      200/1   403     401
    unknown    403       403         403      403      200/0   403     401
GET /api/chat/reports/usage
    all        403       403         403      403      200     403     401
PUT /api/chat/conversations/<conversation_id>
    own        403       403         403      403      403     200     401
    other      403       403         403      403      403     200     401
    unknown    403       403         403      403      403     200     401
DELETE /api/chat/conversations/<conversation_id>
    own        403       403         403      403      403     200     401
    other      403       403         403      403      403     200     401
    unknown    403       403         403      403      403     200     401
PUT /api/chat/messages/<message_id>
    own        403       403         403      403      403     200     401
    other      403       403         403      403      403     200     401
    unknown    403       403         403      403      403     200     401
DELETE /api/chat/messages/<message_id>
    own        403       403         403      403      403     200     401
    other      403       403         403      403      403     200     401
    unknown    403       403         403      403      403     200     401
DELETE /api/chat/users/<user_id>
    own        403       403         403      403      403     200     401
    other      403       403         403      403      403     200     401
    unknown    403       403         403      403      403     200     401
GET /api/chat/users/<user_id>/export
    own        403       403         403      403      403     200/8   401
    other      403       403         403      403      403     200/8   401
    unknown    403       403         403      403      403     200/0   401
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """Who asks, how, about what; and the answer."""

    method: str
    path: str
    about: str
    caller: str
    status: int
    items: int | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path} of {self.about} by {self.caller}"


def cells() -> list[Cell]:
    """All cells of the table."""
    found = []
    method = path = ""
    for line in TABLE.strip().splitlines():
        if not line.startswith(" "):
            method, path = line.split()
            continue
        about, *answers = line.split()
        for caller, answer in zip(CALLERS, answers, strict=True):
            status, _, items = answer.partition("/")
            number = int(items) if items else None
            found.append(Cell(method, path, about, caller, int(status), number))
    return found
