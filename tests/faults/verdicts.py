"""What may come out of a race: each verdict names what may not be."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from attachments.model import Action, Status
from tests.builders import CONVERSATION, MESSAGE, SENDER
from tests.faults.interleavings import Outcome
from tests.faults.invariants import State

OTHER_MESSAGE = "0192f000-0000-7000-8000-00000000000f"
OTHER_CONVERSATION = "0192f000-0000-7000-8000-00000000000d"


@dataclass(frozen=True)
class Result:
    """The outcome of each operation, the state right after them, and the state at rest."""

    outcomes: Mapping[str, Outcome]
    after: State
    at_rest: State


Problems = Iterator[str]
Judge = Callable[[Result], Problems]


def is_deleted(race: Result) -> Problems:
    """One attachment, deleted once, whoever was first."""
    if [attachment.status for attachment in race.after.records] != [Status.DELETED]:
        yield f"after the deletion it is {race.after.records}"
    if count(race.at_rest, Action.FILE_DELETED) != 1:
        yield f"it was deleted {count(race.at_rest, Action.FILE_DELETED)} times"
    if all(outcome.error for outcome in race.outcomes.values()):
        yield "nobody deleted it"


def is_downloaded_or_not(race: Result) -> Problems:
    """Who got a URL is in the log, and nobody else; it leads to nothing from now on."""
    yield from is_deleted(race)
    downloads = int(race.outcomes["download"].error is None)
    if count(race.after, Action.FILE_DOWNLOADED) != downloads:
        yield f"{downloads} downloads, {count(race.after, Action.FILE_DOWNLOADED)} in the log"


def is_ready_once(race: Result) -> Problems:
    if [attachment.status for attachment in race.after.records] != [Status.READY]:
        yield f"after the inspections it is {race.after.records}"
    if count(race.at_rest, Action.FILE_UPLOADED) != 1:
        yield f"it became ready {count(race.at_rest, Action.FILE_UPLOADED)} times"


def all_are_deleted(race: Result) -> Problems:
    """Of a deleted message there is nothing but tombstones, right after."""
    for attachment in race.after.records:
        if attachment.status is not Status.DELETED:
            yield f"{attachment.status} although its message is deleted"
    if not race.after.message_deleted(MESSAGE):
        yield "the message lives"
    deletions, files = count(race.at_rest, Action.FILE_DELETED), len(race.at_rest.records)
    if deletions != files:
        yield f"{deletions} deletions of {files} files"


def nobody_uploaded(race: Result) -> Problems:
    """Of an erased user there are tombstones only, which do not name them."""
    for attachment in race.at_rest.records:
        if attachment.status is not Status.DELETED:
            yield f"{attachment.status} although its uploader is erased"
        if attachment.uploaded_by == SENDER.user_id:
            yield "the tombstone names who is erased"


def the_newer_participants_stay(race: Result) -> Problems:
    if participants(race.after) != {"ann", "cem"}:
        yield f"the participants are {participants(race.after)}"
    if not race.outcomes["newer"].value.applied:
        yield "the newer version was not applied"


def one_of_two_participants_stay(race: Result) -> Problems:
    applied = [who for who, outcome in race.outcomes.items() if outcome.error is None]
    if len(applied) != 1 or participants(race.after) != set(applied):
        yield f"{applied} applied, the participants are {participants(race.after)}"


def conversation_is_deleted(race: Result) -> Problems:
    if (
        participants(race.after)
        or not race.after.chat[f"conversation#{CONVERSATION}", "meta"]["deleted"]
    ):
        yield f"it lives, with {participants(race.after)}"
    if [sk for _, sk in race.at_rest.chat if sk.startswith("message#")]:
        yield "it has messages"
    living = [
        pk
        for (pk, sk), row in race.after.chat.items()
        if pk.startswith("message#") and sk == "meta" and not row.get("deleted")
    ]
    if living:
        yield f"of its messages there live {living}"


def one_sync_holds(race: Result) -> Problems:
    """Exactly one of the two was applied, and it is what is recorded."""
    applied = [
        who
        for who, outcome in race.outcomes.items()
        if outcome.error is None and outcome.value.applied
    ]
    deleted = race.after.chat[f"conversation#{CONVERSATION}", "meta"].get("deleted", False)
    if applied != (["delete"] if deleted else ["put"]):
        yield f"{applied} applied, deleted is {deleted}"


def the_newer_message_stays(race: Result) -> Problems:
    if race.after.chat[f"message#{OTHER_MESSAGE}", "meta"]["version"] != 3:
        yield "the older version stays"
    if not race.outcomes["newer"].value.applied:
        yield "the newer version was not applied"


def one_conversation_has_the_message(race: Result) -> Problems:
    applied = [who for who, outcome in race.outcomes.items() if outcome.error is None]
    meta = race.after.chat[f"message#{OTHER_MESSAGE}", "meta"]
    rows = [pk for pk, sk in race.after.chat if sk == f"message#{OTHER_MESSAGE}"]
    if rows != [f"conversation#{id_}" for id_ in applied] or meta["conversation_id"] != applied[0]:
        yield f"{applied} applied, the message is in {rows} and {meta}"


def the_message_is_deleted(race: Result) -> Problems:
    if not race.after.message_deleted(OTHER_MESSAGE) or not race.outcomes["delete"].value.applied:
        yield "the message lives"
    if (f"conversation#{CONVERSATION}", f"message#{OTHER_MESSAGE}") in race.after.chat:
        yield "its conversation has it still"


# ---------------------------------------------------------------- one idempotency key


def one_attachment(race: Result) -> Problems:
    issued = {outcome.value.attachment.id for outcome in race.outcomes.values() if outcome.value}
    if issued != {attachment.id for attachment in race.after.records} or len(issued) != 1:
        yield f"{issued} answered, {race.after.records} recorded"


def one_refusal(race: Result) -> Problems:
    yield from one_attachment(race)
    if sum(outcome.error is not None for outcome in race.outcomes.values()) != 1:
        yield f"not one was refused: {race.outcomes}"


def in_the_end(*allowed: Status) -> Judge:
    def judge(race: Result) -> Problems:
        for attachment in race.at_rest.records:
            if attachment.status not in allowed:
                yield f"in the end it is {attachment.status}"

    return judge


def each_leftover_is_healed_once(race: Result) -> Problems:
    statuses = [attachment.status for attachment in sorted(race.after.records, key=lambda a: a.id)]
    wanted = [Status.EXPIRED, Status.FAILED, Status.DELETED, Status.DELETED]
    if statuses != wanted:
        yield f"the leftovers are {statuses}"
    for what in ("expired", "failed"):
        if sum(outcome.value[what] for outcome in race.outcomes.values()) != 1:
            yield f"the sweeps count {what} as {race.outcomes}"
    if any(outcome.value["errors"] for outcome in race.outcomes.values()):
        yield f"a sweep met errors: {race.outcomes}"


# ---------------------------------------------------------------- reading a state


def count(state: State, action: Action) -> int:
    return sum(row["action"] == action for row in state.activity)


def participants(state: State) -> set[str]:
    return {
        sk.removeprefix("participant#")
        for pk, sk in state.chat
        if pk == f"conversation#{CONVERSATION}" and sk.startswith("participant#")
    }
