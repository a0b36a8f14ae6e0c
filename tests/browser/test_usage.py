"""How much there is, as admins see it."""

from tests.browser.conftest import Visit
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
    admin.page.get_by_role("textbox", name="From").fill("2001-01-01")
    admin.page.get_by_role("textbox", name="To").fill("2001-01-02")
    admin.page.get_by_role("heading", name="No uploads").wait_for()
    assert "from=2001-01-01" in admin.page.url
    assert admin.page.get_by_text("Files stored").count() == 1


def test_nobody_else_is_led_there(visit: Visit) -> None:
    sender = visit("sender", "#/usage")
    sender.page.get_by_role("alert").wait_for()
    assert sender.page.get_by_role("link", name="Usage").count() == 0
