"""What each route asks of DynamoDB, call by call: nothing that it does not need."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.activity import entry
from attachments.dynamo import SHARDS
from attachments.ids import new_id, utc_now
from attachments.model import Action, Attachment, Caller, Message, Status
from attachments.storage import Storage
from attachments.tokens import TokenVerifier
from functions.issue_upload import app as issue_upload
from functions.report import app as report
from functions.serve_attachments import app as serve_attachments
from functions.sync_chat import app as sync_chat
from local.provision import Stack
from tests.builders import (
    ADMIN,
    PARTICIPANT,
    SENDER,
    SERVICE,
    VIDEO,
    in_state,
    pending,
    settings_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUILT_BY_WIRING = ("catalog", "chat", "activity", "guards", "deletion", "limiter")
CONTEXT = cast(LambdaContext, SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000))


@dataclass
class Api:
    """The functions over real stores in moto; `calls` has what each request asked of DynamoDB."""

    conversation: str
    message: str
    patch: pytest.MonkeyPatch
    calls: list[str] = field(default_factory=list)

    def send(
        self, door: ModuleType, caller: Caller, method: str, path: str, body: object = None
    ) -> int:
        """The status of the answer."""
        verifier = cast(TokenVerifier, SimpleNamespace(verify=lambda _: caller))
        self.patch.setattr(door.app, "_verifier", lambda: verifier)
        path, _, query = path.partition("?")
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": dict(part.split("=") for part in query.split("&") if part),
            "headers": {"content-type": "application/json", "idempotency-key": new_id()},
            "requestContext": {
                "http": {"method": method, "path": path},
                "requestId": "r",
                "stage": "$default",
            },
            "body": json.dumps(body) if body else "",
            "isBase64Encoded": False,
        }
        self.calls.clear()
        return int(door.handler(event, CONTEXT)["statusCode"])

    def pending(self, **changes: Any) -> Attachment:
        """A video that the sender has not uploaded."""
        draft = pending(message_id=self.message, conversation_id=self.conversation, **changes)
        note = entry(Action.UPLOAD_REQUESTED, draft, user_id=SENDER.user_id, at=draft.created_at)
        wiring.catalog().create(draft, note, None)
        return draft

    def ready(self) -> Attachment:
        """A video that everyone may see."""
        ready = in_state(self.pending(), Status.READY)
        wiring.catalog().change(ready, None)
        return ready

    def stored(self) -> Attachment:
        """A video that everyone may see, with its bytes and its thumbnail."""
        draft, storage = self.pending(), wiring.storage()
        storage.put_once(draft.upload_key, VIDEO, mime_type=draft.mime_type)
        ready = replace(in_state(draft, Status.READY), version=storage.head(draft.upload_key))
        assert ready.thumbnail
        storage.put_once(ready.thumbnail.key, b"a picture", mime_type="image/jpeg")
        wiring.catalog().change(ready, None)
        return ready


@pytest.fixture
def api(
    stack: Stack, dynamodb: "DynamoDBClient", aws_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    tables = {name: stack.names[name] for name in ("Attachments", "Chat", "Activity", "Guards")}
    settings = settings_of(**{f"{name.lower()}_table": table for name, table in tables.items()})
    storage: Storage = aws_stores.storage
    stand_ins = {"settings": settings, "dynamodb": dynamodb, "storage": storage}
    for name, built in {**stand_ins, "copying_storage": storage}.items():
        monkeypatch.setattr(wiring, name, lambda built=built: built)
    for name in BUILT_BY_WIRING:
        getattr(wiring, name).cache_clear()
    api = Api(new_id(), new_id(), monkeypatch)
    members = [SENDER.user_id, PARTICIPANT.user_id]
    wiring.chat().put_conversation(api.conversation, members, 1)
    wiring.chat().put_message(
        Message(
            id=api.message,
            conversation_id=api.conversation,
            sender_id=SENDER.user_id,
            version=1,
        )
    )
    names = {table: name for name, table in tables.items()}

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        api.calls.append(f"{model.name} {_tables(params, names)}")

    dynamodb.meta.events.register("provide-client-params.dynamodb", _noted := _Noting(note))
    yield api
    dynamodb.meta.events.unregister("provide-client-params.dynamodb", _noted)
    for name in BUILT_BY_WIRING:
        getattr(wiring, name).cache_clear()


class _Noting:
    """A handler that botocore can forget again."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    def __call__(self, **facts: Any) -> None:
        self._note(**facts)


def _tables(params: dict[str, Any], names: dict[str, str]) -> str:
    if "TableName" in params:
        index = params.get("IndexName")
        return names[params["TableName"]] + (f"/{index}" if index else "")
    if "TransactItems" in params:
        parts = [next(iter(part.items())) for part in params["TransactItems"]]
        return " ".join(f"{verb}:{names[part['TableName']]}" for verb, part in parts)
    return " ".join(names[table] for table in params["RequestItems"])


COUNTED = "UpdateItem Guards"  # every call of a user, one that is refused too
# The message and the uploader are still there; what the uploader holds is counted.
BEGUN = (
    "Put:Attachments ConditionCheck:Chat ConditionCheck:Chat Update:Guards Put:Chat Put:Activity"
)
# A membership is two items of one table: the conversation, and the caller in it.
SEEN = [COUNTED, "GetItem Attachments", "BatchGetItem Chat"]


def upload(api: Api) -> dict[str, object]:
    return {
        "message_id": api.message,
        "file_name": "holiday.mp4",
        "file_size": 1000,
        "mime_type": "video/mp4",
    }


def test_an_upload_reads_message_membership_and_key_and_writes_once(api: Api) -> None:
    path = "/api/chat/videos/upload"
    assert api.send(issue_upload, SENDER, "POST", path, upload(api)) == 201
    puts = f"{BEGUN} Put:Guards"
    reads = [COUNTED, "GetItem Chat", "BatchGetItem Chat", "GetItem Guards"]
    assert api.calls == [*reads, f"TransactWriteItems {puts}"]


def test_a_signature_costs_the_two_reads_that_say_whose_upload_it_is(api: Api) -> None:
    now = utc_now()
    draft = api.pending(created_at=now, due_at=now + timedelta(hours=3))
    asked = {"method": "PUT", "key": draft.upload_key}
    path = f"/api/chat/attachments/{draft.id}/sign"
    assert api.send(issue_upload, SENDER, "POST", path, asked) == 200
    assert api.calls == SEEN


def test_a_signature_that_outlives_the_deadline_moves_it_by_one_write(api: Api) -> None:
    draft = api.pending(created_at=utc_now(), due_at=utc_now())
    asked = {"method": "PUT", "key": draft.upload_key}
    path = f"/api/chat/attachments/{draft.id}/sign"
    assert api.send(issue_upload, SENDER, "POST", path, asked) == 200
    assert api.calls == [*SEEN, "TransactWriteItems Put:Attachments"]


def test_a_copy_reads_source_and_target_and_writes_it_pending_and_ready(api: Api) -> None:
    source = api.stored()
    path = f"/api/chat/attachments/{source.id}/copy"
    assert api.send(issue_upload, SENDER, "POST", path, {"message_id": api.message}) == 201
    reads = [*SEEN, "GetItem Chat", "BatchGetItem Chat", "GetItem Guards"]
    begun = f"{BEGUN} Put:Activity Put:Guards"
    done = "Put:Attachments ConditionCheck:Chat ConditionCheck:Chat Update:Guards Put:Activity"
    assert api.calls == [*reads, f"TransactWriteItems {begun}", f"TransactWriteItems {done}"]


def test_a_participant_is_shown_an_attachment_by_two_reads(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    assert api.calls == SEEN


def test_an_admin_is_shown_an_attachment_by_one_read(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, ADMIN, "GET", path) == 200
    assert api.calls == [COUNTED, "GetItem Attachments"]


@pytest.mark.parametrize("kind", ["attachments", "videos"])
def test_a_download_adds_its_entry_in_the_log(api: Api, kind: str) -> None:
    path = f"/api/chat/{kind}/{api.ready().id}/download"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    assert api.calls == [*SEEN, "PutItem Activity"]


def test_the_attachments_of_a_message_are_read_at_once(api: Api) -> None:
    for _ in range(3):
        api.ready()
    path = f"/api/chat/messages/{api.message}/attachments"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    reads = ["Query Chat", "BatchGetItem Attachments"]
    assert api.calls == [COUNTED, "GetItem Chat", "BatchGetItem Chat", *reads]


def test_the_media_of_a_conversation_are_found_by_one_query(api: Api) -> None:
    api.ready()
    path = f"/api/chat/conversations/{api.conversation}/attachments"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    found = ["Query Attachments/by_conversation", "BatchGetItem Attachments"]
    assert api.calls == [COUNTED, "BatchGetItem Chat", *found]


def test_activity_of_an_attachment_is_one_query_and_nothing_of_the_chat(api: Api) -> None:
    path = f"/api/chat/reports/activity?attachment={new_id()}"
    assert api.send(report, ADMIN, "GET", path) == 200
    assert api.calls == [COUNTED, "Query Activity"]


def test_who_may_not_ask_costs_no_call_but_the_count(api: Api) -> None:
    assert api.send(report, SENDER, "GET", "/api/chat/reports/activity") == 403
    assert api.calls == [COUNTED]
    assert api.send(serve_attachments, SENDER, "GET", "/api/chat/attachments") == 403
    assert api.calls == [COUNTED]
    path = f"/api/chat/messages/{new_id()}"
    assert api.send(sync_chat, SENDER, "DELETE", f"{path}?version=1") == 403
    assert api.calls == [COUNTED]


def test_a_deletion_marks_in_one_transaction_before_it_removes(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, SENDER, "DELETE", path) == 200
    marked = "TransactWriteItems Put:Attachments Delete:Chat Update:Guards Put:Activity"
    removed = "TransactWriteItems Put:Attachments Delete:Chat"
    assert api.calls == [*SEEN, marked, removed]


def test_a_message_is_written_by_one_transaction(api: Api) -> None:
    body = {"conversation_id": api.conversation, "sender_id": SENDER.user_id, "version": 1}
    assert api.send(sync_chat, SERVICE, "PUT", f"/api/chat/messages/{new_id()}", body) == 200
    assert api.calls == ["TransactWriteItems Put:Chat ConditionCheck:Chat Put:Chat"]


def test_a_conversation_is_written_without_reading_its_messages(api: Api) -> None:
    body = {"participants": [SENDER.user_id], "version": 1}
    assert api.send(sync_chat, SERVICE, "PUT", f"/api/chat/conversations/{new_id()}", body) == 200
    members = ["Query Chat", "TransactWriteItems ConditionCheck:Chat Put:Chat"]
    assert api.calls == ["TransactWriteItems Update:Chat", *members]


def test_a_deleted_message_without_attachments_is_marked_and_looked_through(api: Api) -> None:
    path = f"/api/chat/messages/{api.message}?version=2"
    assert api.send(sync_chat, SERVICE, "DELETE", path) == 200
    begun = ["TransactWriteItems Update:Chat", "Query Chat", "GetItem Chat"]
    done = ["TransactWriteItems Delete:Chat", "TransactWriteItems Update:Chat"]
    assert api.calls == [*begun, *done]


def test_a_deleted_conversation_is_marked_and_its_messages_looked_through(api: Api) -> None:
    path = f"/api/chat/conversations/{api.conversation}?version=2"
    assert api.send(sync_chat, SERVICE, "DELETE", path) == 200
    marked, gone = "TransactWriteItems Update:Chat", "TransactWriteItems Delete:Chat"
    message = ["GetItem Chat", marked, "Query Chat", "GetItem Chat", gone, marked]
    members = ["Query Chat", "TransactWriteItems Delete:Chat Delete:Chat", marked]
    assert api.calls == [marked, "Query Chat", *message, *members]


def test_the_list_of_a_day_asks_each_shard_once(api: Api) -> None:
    path = "/api/chat/attachments?from=1990-01-01&to=1990-01-01"
    assert api.send(serve_attachments, ADMIN, "GET", path) == 200
    assert api.calls == [COUNTED, *["Query Attachments/by_day"] * SHARDS]


def test_the_log_of_a_day_asks_each_shard_once(api: Api) -> None:
    path = "/api/chat/reports/activity?from=1990-01-01T00:00:00Z&to=1990-01-01T01:00:00Z"
    assert api.send(report, ADMIN, "GET", path) == 200
    assert api.calls == [COUNTED, *["Query Activity/by_day"] * SHARDS]
