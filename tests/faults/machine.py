"""Random sequences of what users, the chat backend, S3 and time do, beside the reference model."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid5

import pytest
from botocore.exceptions import ClientError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.faults.cloud import Cloud
from tests.faults.doors import Answer, Doors
from tests.faults.invariants import State
from tests.faults.reference_model import ADMIN, DISGUISED, Attachment, Model
from tests.stack.client import File

NAMES = UUID("0192f000-0000-7000-8000-0000000000aa")
USERS = ("ann", "bob", "cem")
CALLERS = (*USERS, ADMIN)
CONVERSATIONS = tuple(str(uuid5(NAMES, f"conversation {number}")) for number in range(2))
MESSAGES = tuple(str(uuid5(NAMES, f"message {number}")) for number in range(3))
TEXT = b"Bring the tent.\n"
# None of them adds up to the life of an upload, so that no step falls on a deadline.
SPANS = [timedelta(minutes=10), timedelta(minutes=40), timedelta(hours=3), timedelta(days=1)]

callers = st.sampled_from(CALLERS)
conversations = st.sampled_from(CONVERSATIONS)
messages = st.sampled_from(MESSAGES)
versions = st.integers(1, 4)
picks = st.integers(0, 99)


class Service(RuleBasedStateMachine):
    """`cloud` is set by who runs it; `files` may be more than these."""

    cloud: Cloud
    files: ClassVar[dict[str, File]] = {
        "text": File("note.txt", "text/plain", TEXT),
        DISGUISED: File("note.mp4", "video/mp4", TEXT),
    }

    def __init__(self) -> None:
        super().__init__()
        self.cloud.begin_anew()
        self.doors = Doors(self.cloud.settings)
        self.model = Model(self.cloud.clock.now)
        self.bodies: dict[str, bytes] = {}  # what each attachment declared
        self.versions: dict[str, str] = {}  # of the newest object of each
        self.untold: set[str] = set()  # whose object no event has told of yet

    # ------------------------------------------------------------ the chat backend

    @initialize()
    def a_conversation_of_two(self) -> None:
        self.put_conversation(CONVERSATIONS[0], {"ann", "bob"}, 1)
        self.put_message(MESSAGES[0], CONVERSATIONS[0], "ann", 1)
        self.put_message(MESSAGES[1], CONVERSATIONS[0], "bob", 1)

    @rule(name=conversations, participants=st.sets(st.sampled_from(USERS)), version=versions)
    def put_conversation(self, name: str, participants: set[str], version: int) -> None:
        body = {"participants": sorted(participants), "version": version}
        answer = self._sync("PUT", f"conversations/{name}", body)
        assert answer.status == self.model.put_conversation(name, participants, version), (
            answer.body
        )
        self._look(name)

    @rule(name=conversations, version=versions)
    def delete_conversation(self, name: str, version: int) -> None:
        answer = self._sync("DELETE", f"conversations/{name}", {"version": version})
        assert answer.status == self.model.delete_conversation(name, version), answer.body
        self._look(name)

    @rule(
        name=messages, conversation=conversations, sender=st.sampled_from(USERS), version=versions
    )
    def put_message(self, name: str, conversation: str, sender: str, version: int) -> None:
        body = {"conversation_id": conversation, "sender_id": sender, "version": version}
        answer = self._sync("PUT", f"messages/{name}", body)
        assert answer.status == self.model.put_message(name, conversation, sender, version), (
            answer.body
        )

    @rule(name=messages, version=versions)
    def delete_message(self, name: str, version: int) -> None:
        answer = self._sync("DELETE", f"messages/{name}", {"version": version})
        assert answer.status == self.model.delete_message(name, version), answer.body
        self._look(*CONVERSATIONS)

    # ------------------------------------------------------------ users

    @rule(
        who=st.sampled_from(USERS) | callers,
        message=messages,
        kind=picks,
        key=st.none() | st.sampled_from(["k1", "k2"]),
    )
    def ask(self, who: str, message: str, kind: int, key: str | None) -> None:
        """An upload of one of the files."""
        name = sorted(self.files)[kind % len(self.files)]
        file = self.files[name]
        headers = {"idempotency_key": key} if key else {}
        expected = self.model.ask(who, message, name, key)
        answer = self.doors.call(
            who, "POST", f"/api/chat{file.route}", file.request(message), **headers
        )
        if isinstance(expected, Attachment):
            assert (answer.status, answer.body["id"]) == (201, expected.id)
            assert (answer.body["upload"] is not None) == (expected.status == "pending")
            return
        assert answer.status == expected, answer.body
        if expected == 201:
            self.model.accept(answer.body["id"], who, message, name, key)
            self.bodies[answer.body["id"]] = file.body
            self._look(self.model.attachments[-1].conversation)

    @precondition(lambda self: self.model.attachments)
    @rule(pick=picks, right=st.booleans())
    def send(self, pick: int, right: bool) -> None:
        """Bytes for the key; those that are not `right` have another size."""
        it = self._pick(pick)
        body = self.bodies[it.id] if right else self.bodies[it.id][1:]
        bucket, key = self.cloud.settings.bucket, f"uploads/{it.id}"
        if self.model.send(it, right) == 412:
            with pytest.raises(ClientError, match="PreconditionFailed"):
                self.cloud.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
            return
        stored = self.cloud.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        self.versions[it.id] = stored["VersionId"]
        self.untold.add(it.id)

    @precondition(lambda self: self.versions)
    @rule(pick=picks, told=st.booleans(), times=st.integers(1, 2))
    def inspect(self, pick: int, told: bool, times: int) -> None:
        """An event of somebody's object, once or twice, soon or late."""
        self._inspect(self._pick(pick), told=told, times=times)

    def _inspect(self, it: Attachment, *, told: bool, times: int) -> None:
        if it.id not in self.versions or (it.gone_at and it.gone_at <= self.model.now):
            return  # S3 tells of what was stored, and tombstones outlive what is queued
        size = len(self.bodies[it.id]) - (0 if it.stored else 1)
        self.untold.discard(it.id)
        for _ in range(times):
            self.model.inspect(it)
            self.doors.deliver(
                f"uploads/{it.id}",
                size,
                self.cloud.clock.now,
                version_id=self.versions[it.id] if told else None,
            )
        self._look(it.conversation)

    @precondition(lambda self: self.model.attachments)
    @rule(who=callers, pick=picks)
    def download(self, who: str, pick: int) -> None:
        it = self._pick(pick)
        expected = self.model.download(who, it)
        answer = self.doors.call(who, "GET", f"/api/chat/attachments/{it.id}/download/")
        assert answer.status == expected, answer.body
        self._look_at_log(it)

    @precondition(lambda self: self.model.attachments)
    @rule(who=callers, pick=picks)
    def delete(self, who: str, pick: int) -> None:
        it = self._pick(pick)
        expected = self.model.delete(who, it)
        answer = self.doors.call(who, "DELETE", f"/api/chat/attachments/{it.id}/")
        assert answer.status == expected, answer.body
        self._look(it.conversation)

    # ------------------------------------------------------------ time

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        self.cloud.clock.pass_time(span)
        self.model.now += span

    @rule()
    def sweep(self) -> None:
        self.model.sweep()
        assert self.doors.sweep()["errors"] == 0
        self._look(*CONVERSATIONS)

    # ------------------------------------------------------------ looking

    def teardown(self) -> None:
        """In the end everything is looked at, from before and from behind the API.

        A URL may be used after its attachment was deleted: what came then goes with its event.
        """
        for it in self.model.attachments:
            if it.id in self.untold:
                self._inspect(it, told=True, times=1)
        self._look(*CONVERSATIONS)
        for it in self.model.attachments:
            self._look_at_log(it)
        assert State(self.cloud).violations(events_wait=bool(self.untold)) == []

    def _look(self, *seen: str) -> None:
        """Each user sees of these conversations what the model says."""
        for who in CALLERS:
            for conversation in seen:
                expected = self.model.media(who, conversation)
                answer = self.doors.call(
                    who, "GET", f"/api/chat/conversations/{conversation}/attachments/"
                )
                if expected is None:
                    assert answer.status == 404, answer.body
                else:
                    assert answer.status == 200, answer.body
                    shown = [(item["id"], item["status"]) for item in answer.body["items"]]
                    assert shown == expected

    def _look_at_log(self, it: Attachment) -> None:
        answer = self.doors.call(
            ADMIN, "GET", f"/api/chat/reports/activity/?attachment={it.id}&limit=100"
        )
        assert [entry["action"] for entry in answer.body["items"]][::-1] == it.log

    def _pick(self, number: int) -> Attachment:
        return self.model.attachments[number % len(self.model.attachments)]

    def _sync(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        return self.doors.call("service", method, f"/api/chat/{path}/", body)
