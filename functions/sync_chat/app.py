"""The chat backend tells of its conversations, messages and users."""

from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import utc_now
from attachments.tokens import MAX_USER_ID_CHARACTERS
from attachments.views import DEFAULT_LIMIT, Cursor, Limit, PageView
from functions.sync_chat.erase import ErasedView, erase
from functions.sync_chat.export import Export, ExportItem
from functions.sync_chat.sync import (
    ConversationBody,
    MessageBody,
    Sync,
    Synced,
    Version,
    VersionBody,
)

app = HttpEdge(wiring.verifier, wiring.limiter, service="sync_chat", for_service=True)
RESERVE_MS = 10_000  # for the answer, and for what is under way
UserPath = Annotated[str, Path(min_length=1, max_length=MAX_USER_ID_CHARACTERS)]
VersionQuery = Annotated[Version | None, Query(description="Instead of a body.")]


def sync() -> Sync:
    return Sync(
        chat=wiring.chat(),
        deletion=wiring.deletion(),
        clock=utc_now,
        user_id=app.caller.user_id,
        has_time=_has_time,
    )


@app.put("/api/chat/conversations/<conversation_id>")
def put_conversation(conversation_id: UUID, body: ConversationBody) -> Synced:
    return sync().put_conversation(str(conversation_id), body)


@app.delete("/api/chat/conversations/<conversation_id>")
def delete_conversation(
    conversation_id: UUID, body: VersionBody | None = None, version: VersionQuery = None
) -> Synced:
    return sync().delete_conversation(str(conversation_id), version, body)


@app.put("/api/chat/messages/<message_id>")
def put_message(message_id: UUID, body: MessageBody) -> Synced:
    return sync().put_message(str(message_id), body)


@app.delete("/api/chat/messages/<message_id>")
def delete_message(
    message_id: UUID, body: VersionBody | None = None, version: VersionQuery = None
) -> Synced:
    return sync().delete_message(str(message_id), version, body)


@app.delete("/api/chat/users/<user_id>")
def erase_user(user_id: UserPath) -> ErasedView:
    return erase(user_id, erasure=wiring.erasure(), by=app.caller.user_id, has_time=_has_time)


@app.get("/api/chat/users/<user_id>/export")
def export_user(
    user_id: UserPath,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor, Query()] = None,
) -> PageView[ExportItem]:
    return Export(
        catalog=wiring.catalog(),
        users=wiring.users(),
        activity=wiring.activity(),
        guards=wiring.guards(),
    ).page(user_id, limit=limit, cursor=cursor)


def _has_time() -> bool:
    return app.lambda_context.get_remaining_time_in_millis() > RESERVE_MS


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
