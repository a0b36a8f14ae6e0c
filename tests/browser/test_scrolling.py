"""A gallery of a thousand attachments: the page is what is measured, the list is made up for it."""

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from tests.browser.conftest import Visit
from tests.stack.client import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

COUNT = 1000
PAGE = 50
# Nobody notices 200 ms (the Core Web Vitals' good "interaction to next paint").
LONGEST_CPU_MS = 200
WATCH_TASKS = """() => {
    window.tasks = [];
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.tasks.push(Math.round(task.duration));
    }).observe({ type: 'longtask' });
}"""
# Faster than a hand: a screen in every third frame. Answers how long each frame took, in ms.
SCROLL_TO_THE_END = """(count) => new Promise((resolve) => {
    const frames = [];
    let last = performance.now();
    const step = (now) => {
        frames.push(now - last);
        last = now;
        scrollBy(0, 300);
        const below = document.documentElement.scrollHeight - scrollY - innerHeight;
        const whole = document.querySelectorAll('.card').length === count;
        if (whole && below < 2) resolve(frames);
        else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def test_a_thousand_attachments_scroll_without_freezing(
    visit: Visit, browser: "Browser", stack: Stack, shared: dict[str, str]
) -> None:
    """A long task is judged by the CPU that it took: how long it waited for one says nothing of
    the page. Both are printed."""
    record = stack.sender.attachment(shared["video"])
    sender = visit("sender", "#/open", viewport={"width": 1280, "height": 860})
    sender.page.route(re.compile(r"/attachments/\?"), lambda route: answer(route, record))
    sender.page.evaluate(WATCH_TASKS)
    browser.start_tracing(page=sender.page, categories=["toplevel"])
    sender.go(f"#/conversations/{shared['conversation']}")
    sender.page.locator(".card").first.wait_for()
    frames = sorted(sender.page.evaluate(SCROLL_TO_THE_END, COUNT))
    cpu = task_cpu_ms(json.loads(browser.stop_tracing()))
    waited = sorted(sender.page.evaluate("window.tasks"))
    print(
        f"longest tasks: {cpu[-3:]} ms of CPU, {waited[-3:]} ms as the page saw them; "
        f"{len(frames)} frames, half of them within {frames[len(frames) // 2]:.0f} ms"
    )
    assert sender.page.locator(".card").count() == COUNT
    assert sender.page.locator(".card img.placeholder").count() > PAGE
    assert 0 < cpu[-1] < LONGEST_CPU_MS


def answer(route: "Route", record: dict[str, Any]) -> None:
    """A page of the list; no two placeholders are the same, so each must be drawn."""
    cursor = parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])[0]
    first = int(cursor)
    drawn = b64decode(record["placeholder"])
    items = [
        record
        | {
            "id": str(UUID(int=number)),
            "placeholder": b64encode(drawn[:-2] + number.to_bytes(2)).decode(),
        }
        for number in range(first, first + PAGE)
    ]
    following = str(first + PAGE) if first + PAGE < COUNT else None
    route.fulfill(json={"items": items, "next_cursor": following})


def task_cpu_ms(trace: dict[str, Any]) -> list[int]:
    """The CPU time of each task of the page's main thread, the longest last."""
    events = trace["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return sorted(
        event["tdur"] // 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and (event["pid"], event["tid"]) in threads
        and "tdur" in event
    )
