"""The chat backend tells of its conversations and messages."""

from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import utc_now
from functions.sync_chat.sync import (
    ConversationBody,
    MessageBody,
    Sync,
    Synced,
    Version,
    VersionBody,
)

app = HttpEdge(wiring.verifier, for_service=True)
RESERVE_MS = 10_000  # for the answer, and for what is under way
VersionQuery = Annotated[Version | None, Query(description="Instead of a body.")]


def sync() -> Sync:
    return Sync(
        chat=wiring.chat(),
        deletion=wiring.deletion(),
        clock=utc_now,
        user_id=app.caller.user_id,
        has_time=lambda: app.lambda_context.get_remaining_time_in_millis() > RESERVE_MS,
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


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
