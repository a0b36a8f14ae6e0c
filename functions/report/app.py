"""What admins ask."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import utc_now
from attachments.views import DEFAULT_LIMIT, Cursor, Limit, PageView
from functions.report.activity import ActivityQuery, ActivityView, list_activity

app = HttpEdge(wiring.verifier, wiring.limiter, service="report")


@app.get("/api/chat/reports/activity")
def report_activity(
    user: Annotated[
        str | None, Query(min_length=1, max_length=128, description="Only of this user.")
    ] = None,
    attachment: Annotated[
        str | None, Query(min_length=1, max_length=64, description="Only about this.")
    ] = None,
    first: Annotated[datetime | None, Query(alias="from", description="Not before.")] = None,
    last: Annotated[datetime | None, Query(alias="to", description="Not after.")] = None,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[Cursor, Query()] = None,
) -> PageView[ActivityView]:
    asked = ActivityQuery(user=user, attachment=attachment, first=first, last=last)
    return list_activity(
        asked,
        caller=app.caller,
        activity=wiring.activity(),
        clock=utc_now,
        limit=limit,
        cursor=cursor,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
