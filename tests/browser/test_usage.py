"""How much there is, as admins see it."""

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.stack.client import Stack, note

TOO_MANY, NONE = "A report has at most 366 days.", "No uploads"


def test_what_is_uploaded_is_in_the_charts_and_their_tables(visit: Visit, stack: Stack) -> None:
    sent = stack.sender.upload(stack.message(), note())
    admin = visit("admin", "#/usage")
    documents = admin.page.locator("tr[data-type=document]")
    documents.wait_for()
    assert admin.page.locator("figure svg rect.document").count() >= 1
    admin.page.get_by_text("As a table").click()
    today = admin.page.locator(f"tr[data-day='{sent['created_at'][:10]}']")
    today.wait_for()
    assert int(today.locator("td[data-name=Files]").inner_text()) >= 1
    assert admin.page.locator("tr[data-user=sender]").count() == 1
    _ask(admin, "From", "2001-01-01", TOO_MANY)
    _ask(admin, "To", "2001-01-02", NONE)
    assert "from=2001-01-01" in admin.page.url
    assert admin.page.get_by_text("Files stored").count() == 1


def test_days_that_cannot_be_shown_can_be_changed_and_the_rest_stays(
    visit: Visit, stack: Stack
) -> None:
    stack.sender.upload(stack.message(), note())
    admin = visit("admin", "#/usage?from=2001-01-01")
    admin.page.get_by_text(TOO_MANY).wait_for()
    _ask(admin, "To", "2001-01-02", NONE)
    _ask(admin, "To", "2009-01-02", TOO_MANY)
    assert admin.page.get_by_text("Files stored").count() == 1
    assert admin.page.locator("tr[data-type=document]").count() == 1
    _ask(admin, "From", "2009-01-01", NONE)


def test_nobody_else_is_led_there(visit: Visit) -> None:
    sender = visit("sender", "#/usage")
    sender.page.get_by_role("alert").wait_for()
    assert sender.page.get_by_role("link", name="Usage").count() == 0


def _ask(visitor: Visitor, field: str, day: str, answer: str) -> None:
    """Fill one of the two fields and await what then stands in the chart's place."""
    visitor.page.get_by_role("textbox", name=field).fill(day)
    visitor.page.get_by_text(answer).wait_for()
