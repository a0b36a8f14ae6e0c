"""What admins ask."""

from datetime import date, datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.http_edge import HttpEdge
from attachments.ids import utc_now
from attachments.views import DEFAULT_LIMIT, Cursor, Limit, PageView
from functions.report.activity import ActivityQuery, ActivityView, list_activity
from functions.report.usage import UsageView, usage

DEFAULT_TOP = 10
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


@app.get("/api/chat/reports/usage")
def report_usage(
    first: Annotated[date | None, Query(alias="from", description="First day (UTC).")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC).")] = None,
    top: Annotated[int, Query(ge=1, le=100, description="How many users.")] = DEFAULT_TOP,
) -> UsageView:
    return usage(
        caller=app.caller,
        counters=wiring.counters(),
        guards=wiring.guards(),
        clock=utc_now,
        first=first,
        last=last,
        top=top,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
