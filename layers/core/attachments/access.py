"""Who may do what: one table.

An act is allowed when the caller has every role of at least one of its alternatives. Who may not
even see a thing is told that it does not exist. The chat backend has routes of its own, and no
others: the HTTP edge sees to it.
"""

from enum import StrEnum

from attachments.errors import ForbiddenError, NotFoundError
from attachments.model import Attachment, Caller, Status


class Role(StrEnum):
    ADMIN = "admin"
    PARTICIPANT = "participant"
    SENDER = "sender"
    UPLOADER = "uploader"


Roles = frozenset[Role]


def _all(*roles: Role) -> Roles:
    return frozenset(roles)


class Act(StrEnum):
    UPLOAD = "upload"
    SIGN = "sign"
    FORWARD = "forward"
    SEE_CONVERSATION = "see_conversation"
    SEE_READY = "see_ready"
    SEE_UNREADY = "see_unready"
    DELETE = "delete"
    SEE_EVERYTHING = "see_everything"


ALLOWED: dict[Act, tuple[Roles, ...]] = {
    Act.UPLOAD: (_all(Role.ADMIN), _all(Role.PARTICIPANT, Role.SENDER)),
    Act.SIGN: (_all(Role.ADMIN, Role.UPLOADER), _all(Role.PARTICIPANT, Role.UPLOADER)),
    Act.FORWARD: (_all(Role.ADMIN), _all(Role.PARTICIPANT)),
    Act.SEE_CONVERSATION: (_all(Role.ADMIN), _all(Role.PARTICIPANT)),
    Act.SEE_READY: (_all(Role.ADMIN), _all(Role.PARTICIPANT)),
    Act.SEE_UNREADY: (_all(Role.ADMIN), _all(Role.PARTICIPANT, Role.UPLOADER)),
    Act.DELETE: (_all(Role.ADMIN), _all(Role.PARTICIPANT, Role.UPLOADER)),
    Act.SEE_EVERYTHING: (_all(Role.ADMIN),),
}


def allows(act: Act, roles: Roles) -> bool:
    """Whether these roles may do this."""
    return any(needed <= roles for needed in ALLOWED[act])


def require(act: Act, roles: Roles) -> None:
    """Raises ForbiddenError where `allows` says no."""
    if not allows(act, roles):
        raise ForbiddenError("You are not allowed to do this.")


def overrides(act: Act, roles: Roles) -> bool:
    """Whether only being an admin makes it allowed: what the log calls an override."""
    return allows(act, roles) and not allows(act, roles - {Role.ADMIN})


def roles_in_conversation(caller: Caller, *, participant: bool) -> Roles:
    """What a caller is by token and membership alone."""
    roles = set()
    if caller.admin:
        roles.add(Role.ADMIN)
    if participant:
        roles.add(Role.PARTICIPANT)
    return frozenset(roles)


def roles_towards(attachment: Attachment, caller: Caller, *, participant: bool) -> Roles:
    """What a caller is to an attachment."""
    roles = roles_in_conversation(caller, participant=participant)
    if attachment.uploaded_by == caller.user_id:
        roles |= {Role.UPLOADER}
    return roles


def visible(attachment: Attachment, roles: Roles) -> bool:
    """Whether the attachment exists for someone with these roles."""
    if attachment.status is Status.DELETED:
        return False
    act = Act.SEE_READY if attachment.status is Status.READY else Act.SEE_UNREADY
    return allows(act, roles)


def require_visible(attachment: Attachment, roles: Roles) -> None:
    """Raises NotFoundError where `visible` says no."""
    if not visible(attachment, roles):
        raise NotFoundError
