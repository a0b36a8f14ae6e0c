"""How much there is, as admins see it."""

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.stack.client import Stack, note


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
    days = _Days(admin)
    days.first("2001-01-01", "A report has at most")
    days.last("2001-01-02", "No uploads")
    assert "from=2001-01-01" in admin.page.url


def test_days_that_cannot_be_shown_can_be_changed_and_the_rest_stays(
    visit: Visit, stack: Stack
) -> None:
    stack.sender.upload(stack.message(), note())
    admin = visit("admin", "#/usage?from=2001-01-01")
    admin.page.get_by_role("alert").get_by_text("A report has at most").wait_for()
    days = _Days(admin)
    days.last("2001-01-02", "No uploads")
    days.last("2009-01-02", "A report has at most")
    assert admin.page.get_by_text("Files stored").count() == 1
    assert admin.page.locator("tr[data-type=document]").count() == 1
    days.first("2009-01-01", "No uploads")


def test_nobody_else_is_led_there(visit: Visit) -> None:
    sender = visit("sender", "#/usage")
    sender.page.get_by_role("alert").wait_for()
    assert sender.page.get_by_role("link", name="Usage").count() == 0


class _Days:
    """The two fields that say which days are shown; each is filled and its answer awaited."""

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page

    def first(self, day: str, answer: str) -> None:
        self._fill("From", day, answer)

    def last(self, day: str, answer: str) -> None:
        self._fill("To", day, answer)

    def _fill(self, name: str, day: str, answer: str) -> None:
        self.page.get_by_role("textbox", name=name).fill(day)
        self.page.get_by_text(answer).wait_for()
