"""`POST` of the upload routes: a pending record, signed requests for its bytes, or a copy."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import parse_id, utc_now
from attachments.views import AttachmentView, view_of
from functions.issue_upload.forward import forward
from functions.issue_upload.issue_upload import issue_upload
from functions.issue_upload.schemas import (
    CopyRequest,
    SignedView,
    SignRequest,
    UploadRequest,
    UploadTicket,
    ticket_of,
)
from functions.issue_upload.sign_upload import sign_upload

app = HttpEdge(wiring.verifier, wiring.limiter, service="issue_upload")


@app.post("/api/chat/videos/upload")
def upload_video(request: UploadRequest) -> Response[UploadTicket]:
    return _issue(request, video_only=True)


@app.post("/api/chat/upload")
def upload_file(request: UploadRequest) -> Response[UploadTicket]:
    return _issue(request, video_only=False)


@app.post("/api/chat/attachments/<attachment_id>/sign")
def sign(attachment_id: str, request: SignRequest) -> SignedView:
    return sign_upload(
        parse_id(attachment_id),
        request,
        caller=app.caller,
        settings=wiring.settings(),
        catalog=wiring.catalog(),
        chat=wiring.chat(),
        storage=wiring.storage(),
        clock=utc_now,
    )


@app.post("/api/chat/attachments/<attachment_id>/copy")
def copy(attachment_id: str, request: CopyRequest) -> Response[AttachmentView]:
    settings = wiring.settings()
    copied = forward(
        parse_id(attachment_id),
        request,
        caller=app.caller,
        idempotency_key=app.header("idempotency-key"),
        settings=settings,
        catalog=wiring.catalog(),
        chat=wiring.chat(),
        guards=wiring.guards(),
        storage=wiring.copying_storage(),
        clock=utc_now,
    )
    view = view_of(copied, wiring.storage(), seconds=settings.download_url_seconds)
    headers = {"Location": f"/api/chat/attachments/{view.id}/"}
    return Response(201, "application/json", body=view, headers=headers)


def _issue(request: UploadRequest, *, video_only: bool) -> Response[UploadTicket]:
    issued = issue_upload(
        request,
        caller=app.caller,
        video_only=video_only,
        idempotency_key=app.header("idempotency-key"),
        settings=wiring.settings(),
        catalog=wiring.catalog(),
        chat=wiring.chat(),
        guards=wiring.guards(),
        storage=wiring.storage(),
        clock=utc_now,
    )
    ticket = ticket_of(issued)
    headers = {"Location": f"/api/chat/attachments/{ticket.id}/"}
    return Response(201, "application/json", body=ticket, headers=headers)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
