"""The races: what runs against what, and what may come out of it.

Whatever comes out, the invariants hold right after it; and once all events were delivered, all
deadlines passed and a sweep looked, so do those of a system at rest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from attachments import wiring
from attachments.errors import (
    ConflictError,
    ForbiddenError,
    IdempotencyConflictError,
    NotFoundError,
    StaleRecordError,
)
from attachments.ids import utc_now
from attachments.model import Status
from functions.sync_chat.sync import ConversationBody, MessageBody
from tests.builders import ADMIN, CONVERSATION, MESSAGE, SENDER, SERVICE, VIDEO
from tests.faults import verdicts
from tests.faults.interleavings import Operation, Run, Schedule, run
from tests.faults.invariants import State
from tests.faults.scene import BAD, Scene
from tests.faults.verdicts import OTHER_CONVERSATION, OTHER_MESSAGE, Judge, Result

OVERDUE = timedelta(hours=2, minutes=1)


@dataclass(frozen=True)
class Race:
    """`arrange` sets the scene and gives the operations, which may raise `errors`. Some leave
    objects whose events come later."""

    arrange: Callable[[Scene], Mapping[str, Operation]]
    judge: Judge
    errors: tuple[type[Exception], ...] = ()
    events_wait: bool = False


class RaceLostError(AssertionError):
    """Something came out that may not be; the message tells how to see it again."""


class Arranged:
    """A race, ready to begin as often as one likes."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._scene, self._name = scene, name
        self._race = RACES[name]
        scene.begin_anew()
        self._operations = self._race.arrange(scene)
        self._beginning = scene.cloud.save()

    @property
    def sweeps(self) -> bool:
        return "sweep" in self._operations

    def run(self, schedule: Schedule) -> Run:
        """Once, by this schedule. Raises RaceLostError."""
        self._scene.cloud.restore(self._beginning)
        done = run(self._operations, schedule)
        after = State(self._scene.cloud)
        self._scene.deliver_all()
        at_rest = State(self._scene.cloud)
        if at_rest.something_is_due:
            self._scene.sweep_later()
            at_rest = State(self._scene.cloud)
        problems = [
            *self._errors(done),
            *after.violations(events_wait=self._race.events_wait),
            *at_rest.violations_at_rest(),
            *self._race.judge(Result(done.outcomes, after, at_rest)),
        ]
        if problems:
            lines = [f"{self._name}, {schedule!r}", *problems, "Calls:", *done.trace]
            raise RaceLostError("\n  ".join(lines))
        return done

    def _errors(self, done: Run) -> Iterator[str]:
        for who, outcome in done.outcomes.items():
            if outcome.error and not isinstance(outcome.error, self._race.errors):
                yield f"{who} raised {outcome.error!r}"


# ---------------------------------------------------------------- deletion against the rest


def delete_against_inspection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=VIDEO)
    return {"delete": scene.delete(attachment), "inspect": scene.inspect(attachment)}


def delete_against_rejection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=BAD)
    return {"delete": scene.delete(attachment), "inspect": scene.inspect(attachment)}


def delete_against_download(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.ready()
    return {"delete": scene.delete(attachment), "download": scene.download(attachment)}


def delete_against_delete(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.ready()
    return {"one": scene.delete(attachment), "other": scene.delete(attachment, ADMIN)}


def inspection_against_inspection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=VIDEO)
    return {"one": scene.inspect(attachment), "other": scene.inspect(attachment)}


# ---------------------------------------------------------------- messages and conversations


def message_deletion_against_upload(scene: Scene) -> Mapping[str, Operation]:
    return {
        "delete": lambda: scene.sync().delete_message(MESSAGE, 2, None),
        "upload": scene.upload(),
    }


def message_deletion_against_inspection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=VIDEO)
    return {
        "delete": lambda: scene.sync().delete_message(MESSAGE, 2, None),
        "inspect": scene.inspect(attachment),
    }


def message_deletion_against_itself(scene: Scene) -> Mapping[str, Operation]:
    scene.ready(1)
    scene.pending(2)
    return {
        "one": lambda: scene.sync().delete_message(MESSAGE, 2, None),
        "other": lambda: scene.sync().delete_message(MESSAGE, 3, None),
    }


def conversation_deletion_against_upload(scene: Scene) -> Mapping[str, Operation]:
    return {
        "delete": lambda: scene.sync().delete_conversation(CONVERSATION, 2, None),
        "upload": scene.upload(),
    }


def erasure_against_upload(scene: Scene) -> Mapping[str, Operation]:
    return {
        "erase": lambda: wiring.erasure().begin(SENDER.user_id, by=SERVICE.user_id),
        "upload": scene.upload(),
    }


def erasure_against_inspection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=VIDEO)
    return {
        "erase": lambda: wiring.erasure().begin(SENDER.user_id, by=SERVICE.user_id),
        "inspect": scene.inspect(attachment),
    }


# ---------------------------------------------------------------- sync against sync


def put_conversation(scene: Scene, version: int, *users: str) -> Operation:
    body = ConversationBody(participants=list(users), version=version)
    return lambda: scene.sync().put_conversation(CONVERSATION, body)


def put_message(
    scene: Scene, version: int, conversation: str = CONVERSATION, message: str = OTHER_MESSAGE
) -> Operation:
    body = MessageBody(
        conversation_id=UUID(conversation), sender_id=SENDER.user_id, version=version
    )
    return lambda: scene.sync().put_message(message, body)


# ---------------------------------------------------------------- forwarding


def forward_against_deletion(scene: Scene) -> Mapping[str, Operation]:
    source = scene.ready()
    return {"forward": scene.forward(source), "delete": scene.delete(source)}


def forward_against_inspection(scene: Scene) -> Mapping[str, Operation]:
    source = scene.ready()
    return {"forward": scene.forward(source), "inspect": scene.inspect_all()}


def forward_against_message_deletion(scene: Scene) -> Mapping[str, Operation]:
    source = scene.ready()
    put_message(scene, 1)()
    return {
        "forward": scene.forward(source, OTHER_MESSAGE),
        "delete": lambda: scene.sync().delete_message(OTHER_MESSAGE, 2, None),
    }


# ---------------------------------------------------------------- the sweep


def sweep_against_upload_in_time(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending()
    return {"sweep": scene.sweep(), "upload": scene.put_and_inspect(attachment)}


def sweep_against_late_upload(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending()
    scene.cloud.clock.pass_time(OVERDUE)
    return {"sweep": scene.sweep(), "upload": scene.put_and_inspect(attachment)}


def sweep_against_slow_inspection(scene: Scene) -> Mapping[str, Operation]:
    attachment = scene.pending(body=VIDEO)
    scene.cloud.clock.pass_time(OVERDUE)
    return {"sweep": scene.sweep(), "inspect": scene.inspect(attachment)}


def sweep_against_message_deletion(scene: Scene) -> Mapping[str, Operation]:
    scene.ready(1)
    wiring.chat().delete_message(MESSAGE, 2, utc_now())
    scene.cloud.clock.pass_time(timedelta(minutes=10))
    return {
        "sweep": scene.sweep(),
        "delete": lambda: scene.sync().delete_message(MESSAGE, 2, None),
    }


def sweep_against_sweep(scene: Scene) -> Mapping[str, Operation]:
    """Of every kind of leftover one."""
    put_message(scene, 1)()
    scene.pending(1)  # never uploaded
    scene.pending(2, body=VIDEO)  # never inspected
    marked = scene.ready(3)  # deleted, its bytes are there
    wiring.deletion().mark(marked, user_id=SENDER.user_id)
    scene.pending(4, message=OTHER_MESSAGE)  # its message is deleted
    wiring.chat().delete_message(OTHER_MESSAGE, 2, utc_now())
    scene.cloud.clock.pass_time(OVERDUE)
    return {"sweep": scene.sweep(), "other": scene.sweep()}


RACES: Mapping[str, Race] = {
    "delete against inspection": Race(delete_against_inspection, verdicts.is_deleted),
    "delete against rejection": Race(delete_against_rejection, verdicts.is_deleted),
    "delete against delete": Race(delete_against_delete, verdicts.is_deleted, (NotFoundError,)),
    "delete against download": Race(
        delete_against_download, verdicts.is_downloaded_or_not, (NotFoundError,)
    ),
    "inspection against inspection": Race(inspection_against_inspection, verdicts.is_ready_once),
    "message deletion against upload": Race(
        message_deletion_against_upload, verdicts.all_are_deleted, (NotFoundError,)
    ),
    "message deletion against inspection": Race(
        message_deletion_against_inspection, verdicts.all_are_deleted
    ),
    "message deletion against itself": Race(
        message_deletion_against_itself, verdicts.all_are_deleted
    ),
    "conversation deletion against upload": Race(
        conversation_deletion_against_upload, verdicts.all_are_deleted, (NotFoundError,)
    ),
    "erasure against upload": Race(
        erasure_against_upload, verdicts.nobody_uploaded, (NotFoundError, ForbiddenError)
    ),
    "erasure against inspection": Race(erasure_against_inspection, verdicts.nobody_uploaded),
    "participants against newer participants": Race(
        lambda scene: {
            "older": put_conversation(scene, 2, "sender", "bob"),
            "newer": put_conversation(scene, 3, "ann", "cem"),
        },
        verdicts.the_newer_participants_stay,
    ),
    "participants against others of the same version": Race(
        lambda scene: {who: put_conversation(scene, 2, who) for who in ("ann", "bob")},
        verdicts.one_of_two_participants_stay,
        (ConflictError,),
    ),
    "participants against newer deletion": Race(
        lambda scene: {
            "put": put_conversation(scene, 2, "ann"),
            "delete": lambda: scene.sync().delete_conversation(CONVERSATION, 3, None),
        },
        verdicts.conversation_is_deleted,
        (ConflictError,),
    ),
    "participants against older deletion": Race(
        lambda scene: {
            "put": put_conversation(scene, 3, "ann"),
            "delete": lambda: scene.sync().delete_conversation(CONVERSATION, 2, None),
        },
        verdicts.one_sync_holds,
        (ConflictError,),
    ),
    "message against newer message": Race(
        lambda scene: {"older": put_message(scene, 2), "newer": put_message(scene, 3)},
        verdicts.the_newer_message_stays,
    ),
    "message against itself elsewhere": Race(
        lambda scene: {
            conversation: put_message(scene, 1, conversation)
            for conversation in (CONVERSATION, OTHER_CONVERSATION)
        },
        verdicts.one_conversation_has_the_message,
        (ConflictError,),
    ),
    "message against its deletion": Race(
        lambda scene: {
            "put": put_message(scene, 1),
            "delete": lambda: scene.sync().delete_message(OTHER_MESSAGE, 2, None),
        },
        verdicts.the_message_is_deleted,
    ),
    "message against deletion of its conversation": Race(
        lambda scene: {
            "put": put_message(scene, 1),
            "delete": lambda: scene.sync().delete_conversation(CONVERSATION, 2, None),
        },
        verdicts.conversation_is_deleted,
        (ConflictError,),
    ),
    "one idempotency key twice": Race(
        lambda scene: {who: scene.issue(key="key") for who in ("one", "other")},
        verdicts.one_attachment,
    ),
    "one idempotency key for two files": Race(
        lambda scene: {
            "one": scene.issue(key="key"),
            "other": scene.issue(key="key", size=len(VIDEO) + 1),
        },
        verdicts.one_refusal,
        (IdempotencyConflictError,),
    ),
    "forward against deletion of its source": Race(
        forward_against_deletion,
        verdicts.in_the_end(Status.READY, Status.EXPIRED, Status.DELETED),
        (NotFoundError,),
        events_wait=True,
    ),
    "forward against inspection of the copy": Race(
        forward_against_inspection, verdicts.in_the_end(Status.READY), (StaleRecordError,)
    ),
    "forward against deletion of its message": Race(
        forward_against_message_deletion,
        verdicts.the_message_is_deleted,
        (NotFoundError,),
        events_wait=True,
    ),
    "sweep against upload in time": Race(
        sweep_against_upload_in_time, verdicts.in_the_end(Status.READY)
    ),
    "sweep against late upload": Race(
        sweep_against_late_upload,
        verdicts.in_the_end(Status.READY, Status.EXPIRED),
        (StaleRecordError,),
    ),
    "sweep against slow inspection": Race(
        sweep_against_slow_inspection, verdicts.in_the_end(Status.READY), (StaleRecordError,)
    ),
    "sweep against message deletion": Race(
        sweep_against_message_deletion, verdicts.all_are_deleted
    ),
    "sweep against sweep": Race(sweep_against_sweep, verdicts.each_leftover_is_healed_once),
}
