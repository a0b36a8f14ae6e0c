"""The HTTP edge: whole answers."""

from typing import Any

from attachments.ids import new_id
from attachments.model import Status
from tests.builders import ADMIN, CONVERSATION, MESSAGE, PARTICIPANT, SENDER, SERVICE
from tests.doors import Doors
from tests.unit.problems import UPLOAD, post, problem


def test_an_upload_is_answered_201_with_its_place(doors: Doors) -> None:
    answer = doors.call("issue_upload", "POST", "/api/chat/videos/upload/", body=UPLOAD)
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Location"] == f"/api/chat/attachments/{answer.json['id']}/"
    assert answer.json["status"] == "pending"
    assert answer.json["upload"]["method"] == "PUT"
    assert doors.world.catalog.get(answer.json["id"]).video_only


def test_an_attachment_that_did_not_change_is_answered_304(doors: Doors) -> None:
    path = f"/api/chat/attachments/{doors.world.add().id}/"
    first = doors.call("serve_attachments", "GET", path, caller=PARTICIPANT)
    assert (first.status, first.json["status"]) == (200, "ready")
    again = doors.call(
        "serve_attachments", "GET", path, headers={"if-none-match": first.headers["ETag"]}
    )
    assert (again.status, again.body, again.headers["ETag"]) == (304, "", first.headers["ETag"])


def test_a_pending_attachment_says_when_to_ask_again(doors: Doors) -> None:
    path = f"/api/chat/attachments/{doors.world.add(Status.PENDING).id}/"
    answer = doors.call("serve_attachments", "GET", path)
    assert answer.headers["Retry-After"] == "1"
    not_ready = doors.call("serve_attachments", "GET", f"{path}download/")
    problem(not_ready, 409, "not-ready")


def test_a_download_and_a_deletion_are_answered_in_full(doors: Doors) -> None:
    attachment = doors.world.add()
    path = f"/api/chat/videos/{attachment.id}/download/"
    download = doors.call("serve_attachments", "GET", path, caller=PARTICIPANT)
    assert set(download.json) == {"id", "url", "thumbnail_url", "expires_at"}
    path = f"/api/chat/attachments/{attachment.id}/"
    problem(doors.call("serve_attachments", "DELETE", path, caller=PARTICIPANT), 403, "forbidden")
    deleted = doors.call("serve_attachments", "DELETE", path)
    assert deleted.status == 200
    assert deleted.json == {"message": "Attachment deleted successfully"}
    problem(doors.call("serve_attachments", "GET", path), 404, "not-found")


def test_lists_are_pages(doors: Doors) -> None:
    made = [doors.world.add().id for _ in range(3)]
    for path, caller in (
        (f"/api/chat/messages/{MESSAGE}/attachments/", SENDER),
        (f"/api/chat/conversations/{CONVERSATION}/attachments/", PARTICIPANT),
    ):
        page = doors.call("serve_attachments", "GET", path, caller=caller, query="limit=2")
        assert len(page.json["items"]) == 2
        query = f"limit=2&cursor={page.json['next_cursor']}"
        rest = doors.call("serve_attachments", "GET", path, caller=caller, query=query)
        assert rest.json["next_cursor"] is None
        found = [item["id"] for item in page.json["items"] + rest.json["items"]]
        assert sorted(found) == sorted(made)
    everything = doors.call(
        "serve_attachments",
        "GET",
        "/api/chat/attachments/",
        caller=ADMIN,
        query="from=2024-05-17&to=2024-05-17&type=video",
    )
    assert len(everything.json["items"]) == 3


def test_the_chat_backend_is_answered_with_what_was_applied(doors: Doors) -> None:
    message = new_id()
    doors.world.add()

    def tell(method: str, path: str, body: Any = None, query: str = "") -> Any:
        answer = doors.call("sync_chat", method, path, caller=SERVICE, body=body, query=query)
        assert answer.status == 200, answer.body
        return answer.json

    path = f"/api/chat/messages/{message}/"
    body = {"conversation_id": CONVERSATION, "sender_id": "sender", "version": 3}
    applied = {"id": message, "version": 3, "applied": True, "deleted_attachments": None}
    assert tell("PUT", path, body) == applied
    assert tell("PUT", path, {**body, "version": 2})["applied"] is False
    assert tell("DELETE", path, query="version=4")["deleted_attachments"] == 0
    path = f"/api/chat/conversations/{CONVERSATION}/"
    assert tell("PUT", path, {"participants": ["sender"], "version": 2})["applied"] is True
    assert tell("DELETE", path, {"version": 3})["deleted_attachments"] == 1
    body = {"participants": ["sender"], "version": 4}
    conflict = doors.call("sync_chat", "PUT", path, caller=SERVICE, body=body)
    problem(conflict, 409, "conflict")


def test_admins_read_the_activity_and_nobody_else_does(doors: Doors) -> None:
    post(doors, UPLOAD)
    path = "/api/chat/reports/activity/"
    answer = doors.call("report", "GET", path, caller=ADMIN, query="user=sender")
    assert [item["action"] for item in answer.json["items"]] == ["upload_requested"]
    problem(doors.call("report", "GET", path), 403, "forbidden")
