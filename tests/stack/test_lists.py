"""Lists: newest first, in pages, for those who may see them."""

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import pytest
from PIL import Image

from tests.stack.client import File, Json, Stack, eventually, note, problem, put, wrong_fields


def picture() -> File:
    written = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(written, "PNG")
    return File("tent.png", "image/png", written.getvalue())


@dataclass(frozen=True)
class Gallery:
    """A conversation with seven files of two messages, oldest first."""

    conversation: str
    first_message: str
    second_message: str
    records: list[Json]

    def newest_first(self, *, file_type: str = "", message: str = "") -> list[str]:
        return [
            record["id"]
            for record in reversed(self.records)
            if file_type in ("", record["file_type"]) and message in ("", record["message_id"])
        ]


@pytest.fixture(scope="module")
def gallery(stack: Stack) -> Gallery:
    conversation = stack.conversation()
    messages = [stack.message(conversation) for _ in range(2)]
    files = [note(), picture(), note(), picture(), note(), picture(), note()]
    asked = [messages[number % 3 == 0] for number in range(7)]
    tickets = [stack.sender.ask(message, file) for message, file in zip(asked, files, strict=True)]

    def finish(pair: tuple[Json, File]) -> Json:
        assert put(pair[0]["upload"], pair[1].body).status_code == 200
        return stack.sender.settled(pair[0]["id"])

    with ThreadPoolExecutor(7) as pool:
        records = list(pool.map(finish, zip(tickets, files, strict=True)))
    assert {record["status"] for record in records} == {"ready"}
    found = Gallery(conversation, messages[0], messages[1], records)
    path = f"/conversations/{conversation}/attachments/"
    eventually(lambda: len(stack.sender.items(path)) == 7)  # an index may lag behind on AWS
    return found


def ids(items: list[Json]) -> list[str]:
    return [item["id"] for item in items]


def test_the_gallery_shows_a_conversation_newest_first(stack: Stack, gallery: Gallery) -> None:
    path = f"/conversations/{gallery.conversation}/attachments"
    for spelling in (path, f"{path}/"):
        items = stack.participant.items(spelling)
        assert ids(items) == gallery.newest_first()
    times = [item["created_at"] for item in items]
    assert times == sorted(times, reverse=True)


def test_an_item_of_a_list_is_the_record_itself(stack: Stack, gallery: Gallery) -> None:
    path = f"/conversations/{gallery.conversation}/attachments/"
    [item] = [item for item in stack.sender.items(path) if item["id"] == gallery.records[1]["id"]]
    record = stack.sender.attachment(item["id"])
    assert {**item, "thumbnail_url": None} == {**record, "thumbnail_url": None}
    assert item["thumbnail_url"] is not None
    assert item["url"] is None


@pytest.mark.parametrize(
    ("file_type", "count"), [("document", 4), ("image", 3), ("video", 0), ("other", 0)]
)
def test_the_gallery_shows_one_type(
    stack: Stack, gallery: Gallery, file_type: str, count: int
) -> None:
    path = f"/conversations/{gallery.conversation}/attachments/"
    items = stack.participant.items(path, type=file_type, limit=2)
    assert ids(items) == gallery.newest_first(file_type=file_type)
    assert len(items) == count


def test_a_message_shows_its_own_attachments(stack: Stack, gallery: Gallery) -> None:
    for message in (gallery.first_message, gallery.second_message):
        items = stack.participant.items(f"/messages/{message}/attachments/")
        assert ids(items) == gallery.newest_first(message=message)
        assert len(items) in (3, 4)


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        ("/conversations/{gallery.conversation}/attachments/", [3, 3, 1]),
        ("/messages/{gallery.first_message}/attachments/", [3, 1]),
    ],
)
def test_pages_of_three_show_every_item_once(
    stack: Stack, gallery: Gallery, path: str, sizes: list[int]
) -> None:
    path = path.format(gallery=gallery)
    pages = list(stack.participant.pages(path, limit=3))
    assert [len(page) for page in pages] == sizes
    assert ids([item for page in pages for item in page]) == ids(stack.participant.items(path))


def test_an_item_that_is_added_meanwhile_disturbs_no_later_page(
    stack: Stack, conversation: str, message: str
) -> None:
    records = [stack.sender.ask(message, note()) for _ in range(4)]
    path = f"/messages/{message}/attachments/"
    pages = stack.sender.pages(path, limit=2)
    first = next(pages)
    stack.sender.ask(message, note())
    rest = [item for page in pages for item in page]
    assert ids(first + rest) == ids(records)[::-1]


def test_an_admin_lists_what_was_uploaded_on_a_day(stack: Stack, gallery: Gallery) -> None:
    days = {
        "from": gallery.records[0]["created_at"][:10],
        "to": gallery.records[-1]["created_at"][:10],
    }
    mine = set(gallery.newest_first())
    items = stack.admin.items("/attachments/", limit=100, **days)
    times = [item["created_at"] for item in items]
    assert times == sorted(times, reverse=True)
    assert [item["id"] for item in items if item["id"] in mine] == gallery.newest_first()
    images = stack.admin.items("/attachments", limit=100, type="image", **days)
    assert {item["file_type"] for item in images} == {"image"}
    assert [item["id"] for item in images if item["id"] in mine] == gallery.newest_first(
        file_type="image"
    )


def test_an_admin_finds_nothing_on_a_day_without_uploads(stack: Stack, gallery: Gallery) -> None:
    days = {"from": "2001-01-01", "to": "2001-01-02"}
    assert stack.admin.items("/attachments/", **days) == []


@pytest.fixture(scope="module")
def cursor(stack: Stack, gallery: Gallery) -> str:
    """Where the second page of the gallery begins."""
    path = f"/conversations/{gallery.conversation}/attachments/"
    answer = stack.sender.get(path, params={"limit": 3})
    found: str = answer.json()["next_cursor"]
    return found


def test_an_altered_cursor_is_refused(stack: Stack, gallery: Gallery, cursor: str) -> None:
    path = f"/conversations/{gallery.conversation}/attachments/"
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    moved = base64.urlsafe_b64encode(text.replace(b"20", b"30", 1)).decode().rstrip("=")
    for altered in (moved, cursor[:-1], "nonsense", "💥", ""):
        response = stack.sender.get(path, params={"limit": 3, "cursor": altered})
        assert wrong_fields(problem(response, 400)) == {"cursor"}


@pytest.mark.parametrize(
    "other",
    [
        "/conversations/{gallery.conversation}/attachments/?type=image",
        "/messages/{gallery.first_message}/attachments/",
        "/attachments/",
        "/reports/activity/",
    ],
)
def test_a_cursor_of_another_query_is_refused(
    stack: Stack, gallery: Gallery, cursor: str, other: str
) -> None:
    path = other.format(gallery=gallery)
    response = stack.admin.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
    assert wrong_fields(problem(response, 400)) == {"cursor"}


def test_a_cursor_of_another_conversation_is_refused(
    stack: Stack, conversation: str, gallery: Gallery, cursor: str
) -> None:
    response = stack.sender.get(
        f"/conversations/{conversation}/attachments/", params={"cursor": cursor}
    )
    assert wrong_fields(problem(response, 400)) == {"cursor"}
