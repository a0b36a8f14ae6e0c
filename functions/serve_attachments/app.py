"""Get, list, download and delete attachments."""

from datetime import date
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import parse_id, utc_now
from attachments.model import FileType
from attachments.views import DEFAULT_LIMIT, AttachmentView, Cursor, Limit, PageView
from functions.serve_attachments.serve import Deleted, Download, Serving
from functions.serve_attachments.waiting import Patience, preferred_wait

RESERVE_S = 5.0  # to answer after waiting
app = HttpEdge(wiring.verifier, wiring.limiter, service="serve_attachments")
TypeFilter = Annotated[FileType | None, Query(alias="type", description="Only files of this type.")]


def serving() -> Serving:
    return Serving(
        caller=app.caller,
        catalog=wiring.catalog(),
        chat=wiring.chat(),
        activity=wiring.activity(),
        storage=wiring.storage(),
        deletion=wiring.deletion(),
        clock=utc_now,
        url_seconds=wiring.settings().download_url_seconds,
    )


@app.get("/api/chat/attachments/<attachment_id>")
def get_attachment(attachment_id: str) -> Response[AttachmentView | None]:
    wait_s = preferred_wait(app.header("prefer"))
    shown = serving().get(parse_id(attachment_id), patience=_patience(wait_s or 0))
    applied = {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}
    if app.header("if-none-match") == shown.etag:
        return Response(304, headers={"ETag": shown.etag, **applied})
    return Response(200, "application/json", body=shown.view, headers=shown.headers | applied)


def _patience(wait_s: int) -> Patience:
    """As much as the caller has, and the function has time for."""
    left_s = app.lambda_context.get_remaining_time_in_millis() / 1000 - RESERVE_S
    return Patience(min(wait_s, left_s))


@app.get("/api/chat/attachments/<attachment_id>/download")
def download_attachment(attachment_id: str) -> Download:
    return serving().download(parse_id(attachment_id), video_only=False)


@app.get("/api/chat/videos/<attachment_id>/download")
def download_video(attachment_id: str) -> Download:
    return serving().download(parse_id(attachment_id), video_only=True)


@app.delete("/api/chat/attachments/<attachment_id>")
def delete_attachment(attachment_id: str) -> Deleted:
    return serving().delete(parse_id(attachment_id))


@app.get("/api/chat/messages/<message_id>/attachments")
def list_message(
    message_id: str,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor, Query()] = None,
) -> PageView[AttachmentView]:
    return serving().of_message(parse_id(message_id), limit=limit, cursor=cursor)


@app.get("/api/chat/conversations/<conversation_id>/attachments")
def list_conversation(
    conversation_id: str,
    file_type: TypeFilter = None,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor, Query()] = None,
) -> PageView[AttachmentView]:
    return serving().of_conversation(
        parse_id(conversation_id), file_type, limit=limit, cursor=cursor
    )


@app.get("/api/chat/attachments")
def list_all(
    file_type: TypeFilter = None,
    first: Annotated[date | None, Query(alias="from", description="First day (UTC).")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC).")] = None,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor, Query()] = None,
) -> PageView[AttachmentView]:
    return serving().of_days(first, last, file_type, limit=limit, cursor=cursor)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
