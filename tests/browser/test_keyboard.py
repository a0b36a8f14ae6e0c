"""Everything by keyboard: sign in, look, remove; the focus is never lost."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.stack.client import Stack, note

FOCUS = "document.activeElement"
KEYS = 40  # more than any view needs


def tab_to(visitor: Visitor, condition: str) -> None:
    """Press Tab until the focused element meets a condition in JavaScript."""
    for _ in range(KEYS):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate(condition):
            return
    pytest.fail(f"The focus never came to {condition}")


def on_button(name: str) -> str:
    return f"{FOCUS}.matches('button') && {FOCUS}.innerText.includes({name!r})"


def stays_inside(visitor: Visitor, dialog: str) -> None:
    """Tab around: the focus is in the dialog, or with the browser itself."""
    for _ in range(12):
        visitor.page.keyboard.press("Tab")
        inside = f"{FOCUS} === document.body || {FOCUS}.closest({dialog!r}) !== null"
        assert visitor.page.evaluate(inside)


def test_signing_in_and_skipping_to_the_content(visit: Visit, shared: dict[str, str]) -> None:
    visitor = visit(None, f"#/conversations/{shared['conversation']}")
    tab_to(visitor, on_button("participant"))
    visitor.page.keyboard.press("Enter")
    visitor.page.locator(".card").nth(1).wait_for()
    tab_to(visitor, f"{FOCUS}.className === 'skip'")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate(f"{FOCUS}.id") == "content"


def test_details_keep_the_focus_and_give_it_back(visit: Visit, shared: dict[str, str]) -> None:
    sender = visit("sender", f"#/conversations/{shared['conversation']}")
    sender.page.locator(".card").nth(1).wait_for()
    tab_to(sender, f"{FOCUS}.closest('.card') !== null")
    card = sender.page.evaluate(f"{FOCUS}.closest('.card').dataset.id")
    sender.page.keyboard.press("Enter")
    dialog = sender.page.get_by_role("dialog")
    dialog.locator(".facts").wait_for()
    stays_inside(sender, "dialog.details")
    sender.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert sender.page.evaluate(f"{FOCUS}.closest('.card')?.dataset.id") == card


def test_a_deletion_can_be_left_and_made(visit: Visit, stack: Stack) -> None:
    conversation = stack.conversation()
    attachment = stack.sender.upload(stack.message(conversation), note())
    sender = visit("sender", f"#/conversations/{conversation}?open={attachment['id']}")
    sender.page.locator(".facts").wait_for()
    press = sender.page.keyboard.press
    tab_to(sender, on_button("Delete"))
    press("Enter")
    question = sender.page.get_by_role("alertdialog")
    question.wait_for()
    stays_inside(sender, "dialog.confirm")
    press("Escape")
    question.wait_for(state="detached")
    assert sender.page.evaluate(on_button("Delete"))
    press("Enter")
    question.wait_for()
    tab_to(sender, on_button("Delete"))
    press("Enter")
    sender.page.get_by_role("dialog").wait_for(state="detached")
    sender.card("note.txt").wait_for(state="detached")
    assert sender.page.evaluate(f"{FOCUS}.id") == "content"
