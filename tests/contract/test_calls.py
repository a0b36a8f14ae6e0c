"""What each route asks of DynamoDB, call by call: nothing that it does not need."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.activity import entry
from attachments.dynamo import SHARDS
from attachments.ids import new_id
from attachments.model import Action, Attachment, Caller, Message, Status
from attachments.storage import Storage
from attachments.tokens import TokenVerifier
from functions.issue_upload import app as issue_upload
from functions.report import app as report
from functions.serve_attachments import app as serve_attachments
from functions.sync_chat import app as sync_chat
from local.provision import Stack
from tests.builders import ADMIN, PARTICIPANT, SENDER, SERVICE, in_state, pending, settings_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BUILT_BY_WIRING = ("catalog", "chat", "activity", "guards", "deletion")
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

    def ready(self) -> Attachment:
        """A video that everyone may see."""
        draft = pending(message_id=self.message, conversation_id=self.conversation)
        note = entry(Action.UPLOAD_REQUESTED, draft, user_id=SENDER.user_id, at=draft.created_at)
        wiring.catalog().create(draft, note, None)
        ready = in_state(draft, Status.READY)
        wiring.catalog().change(ready, None)
        return ready


@pytest.fixture
def api(
    stack: Stack, dynamodb: "DynamoDBClient", aws_stores: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    tables = {name: stack.names[name] for name in ("Attachments", "Chat", "Activity", "Guards")}
    settings = settings_of(**{f"{name.lower()}_table": table for name, table in tables.items()})
    storage: Storage = aws_stores.storage
    for name, built in {"settings": settings, "dynamodb": dynamodb, "storage": storage}.items():
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


# A membership is two items of one table: the conversation, and the caller in it.
SEEN = ["GetItem Attachments", "BatchGetItem Chat"]


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
    puts = "Put:Attachments ConditionCheck:Chat Put:Chat Put:Activity Put:Guards"
    reads = ["GetItem Chat", "BatchGetItem Chat", "GetItem Guards"]
    assert api.calls == [*reads, f"TransactWriteItems {puts}"]


def test_a_participant_is_shown_an_attachment_by_two_reads(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    assert api.calls == SEEN


def test_an_admin_is_shown_an_attachment_by_one_read(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, ADMIN, "GET", path) == 200
    assert api.calls == ["GetItem Attachments"]


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
    assert api.calls == ["GetItem Chat", "BatchGetItem Chat", *reads]


def test_the_media_of_a_conversation_are_found_by_one_query(api: Api) -> None:
    api.ready()
    path = f"/api/chat/conversations/{api.conversation}/attachments"
    assert api.send(serve_attachments, PARTICIPANT, "GET", path) == 200
    found = ["Query Attachments/by_conversation", "BatchGetItem Attachments"]
    assert api.calls == ["BatchGetItem Chat", *found]


def test_activity_of_an_attachment_is_one_query_and_nothing_of_the_chat(api: Api) -> None:
    path = f"/api/chat/reports/activity?attachment={new_id()}"
    assert api.send(report, ADMIN, "GET", path) == 200
    assert api.calls == ["Query Activity"]


def test_who_may_not_ask_costs_no_call(api: Api) -> None:
    assert api.send(report, SENDER, "GET", "/api/chat/reports/activity") == 403
    assert api.calls == []
    assert api.send(serve_attachments, SENDER, "GET", "/api/chat/attachments") == 403
    assert api.calls == []
    path = f"/api/chat/messages/{new_id()}"
    assert api.send(sync_chat, SENDER, "DELETE", f"{path}?version=1") == 403
    assert api.calls == []


def test_a_deletion_marks_in_one_transaction_before_it_removes(api: Api) -> None:
    path = f"/api/chat/attachments/{api.ready().id}"
    assert api.send(serve_attachments, SENDER, "DELETE", path) == 200
    marked = "TransactWriteItems Put:Attachments Delete:Chat Put:Activity"
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


def test_the_list_of_a_day_asks_each_shard_once(api: Api) -> None:
    path = "/api/chat/attachments?from=1990-01-01&to=1990-01-01"
    assert api.send(serve_attachments, ADMIN, "GET", path) == 200
    assert api.calls == ["Query Attachments/by_day"] * SHARDS


def test_the_log_of_a_day_asks_each_shard_once(api: Api) -> None:
    path = "/api/chat/reports/activity?from=1990-01-01T00:00:00Z&to=1990-01-01T01:00:00Z"
    assert api.send(report, ADMIN, "GET", path) == 200
    assert api.calls == ["Query Activity/by_day"] * SHARDS
