"""The API as clients meet it: its CORS, and one video all the way, removed again."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt

from deployment.doctor.checks import CouldNotLookError, WrongError
from deployment.doctor.functions import secret_of
from deployment.stacks import Stack
from local.samples import make_clip

EXPOSED = {"etag", "location", "retry-after", "x-request-id", "ratelimit"}
ASKED = "authorization,content-type,idempotency-key"
PATIENCE_S = 60.0
TOKEN_LIFE_S = 600
USER = "doctor"
LOGS = "Ask the log: docs/operations.md, What can be asked."
Json = dict[str, Any]


def cors(stack: Stack) -> str:
    """Browsers may call the API and read what its answers tell."""
    api = stack.output("ApiUrl")
    for origin in stack.parameters.get("AllowedOrigins", "").split(","):
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": ASKED,
        }
        preflight = httpx.options(f"{api}/api/chat/upload/", headers=asked)
        if preflight.headers.get("access-control-allow-origin") not in (origin, "*"):
            says = f"The API's CORS does not allow {origin}: browsers there cannot call it."
            raise WrongError(says, "Put the origin into AllowedOrigins, and deploy.")
        allowed = preflight.headers.get("access-control-allow-headers", "").lower()
        if lacking := [name for name in ASKED.split(",") if name not in allowed]:
            says = f"The API's CORS does not allow the header {lacking[0]}."
            raise WrongError(says, "Deploy the template again.")
        answer = httpx.get(f"{api}/api/chat/attachments/", headers={"Origin": origin})
        exposed = answer.headers.get("access-control-expose-headers", "").lower()
        if lacking := sorted(name for name in EXPOSED if name not in exposed):
            says = f"Browsers may not read the API's {', '.join(lacking)}."
            raise WrongError(says, "Deploy the template again.")
    return f"browsers of {stack.parameters.get('AllowedOrigins')} may call the API"


def round_trip(stack: Stack) -> str:
    """A video goes up, is inspected, comes back the same, and is deleted."""
    began = time.monotonic()
    with _clients(stack) as (service, sender), tempfile.TemporaryDirectory() as folder:
        body = make_clip(Path(folder) / "doctor.mp4", seconds=1).read_bytes()
        with (
            _message(service, _subject(sender)) as message,
            _uploaded(sender, message, body) as attachment_id,
        ):
            _look_at(sender, attachment_id, body)
    return f"a video went up, was inspected and came back in {time.monotonic() - began:.1f} s"


@contextmanager
def _clients(stack: Stack) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Of the chat backend, and of a user."""
    base = f"{stack.output('ApiUrl')}/api/chat/"
    service, sender = (
        httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        for token in _tokens(stack)
    )
    with service, sender:
        yield service, sender


def _tokens(stack: Stack) -> tuple[str, str]:
    if stack.tokens:
        return stack.tokens["service"], stack.tokens["sender"]
    if stack.parameters.get("JwksUrl"):
        raise CouldNotLookError(
            "tokens are signed by your key server: give two of them, "
            '--tokens FILE with {"service": …, "sender": …}'
        )
    claims = {
        "iss": stack.parameters["TokenIssuer"],
        "aud": stack.parameters["TokenAudience"],
        "exp": int(time.time()) + TOKEN_LIFE_S,
    }
    name, _, value = stack.parameters["ServiceClaim"].partition("=")
    secret = secret_of(stack)
    return (
        jwt.encode({**claims, "sub": "doctor-service", name: value}, secret, "HS256"),
        jwt.encode({**claims, "sub": USER}, secret, "HS256"),
    )


@contextmanager
def _message(service: httpx.Client, user: str) -> Iterator[str]:
    """A message of the user in a conversation, both gone afterwards."""
    conversation, message = str(uuid4()), str(uuid4())

    def remove() -> httpx.Response:
        return service.delete(f"conversations/{conversation}/", params={"version": 2})

    with _removed(remove, "The doctor's conversation could not be deleted"):
        _done(
            service.put(
                f"conversations/{conversation}/", json={"participants": [user], "version": 1}
            ),
            "The chat backend's token does not let it tell of a conversation",
        )
        told = {"conversation_id": conversation, "sender_id": user, "version": 1}
        _done(service.put(f"messages/{message}/", json=told), "A message could not be told of")
        yield message


@contextmanager
def _removed(remove: Callable[[], httpx.Response], says: str) -> Iterator[None]:
    """Removes what was made, also after a failure, which is then what is told."""
    try:
        yield
    except BaseException:
        with suppress(httpx.HTTPError):
            remove()
        raise
    _done(remove(), says)


def _subject(client: httpx.Client) -> str:
    """Whose token a client has."""
    token = client.headers["Authorization"].removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})["sub"])


@contextmanager
def _uploaded(sender: httpx.Client, message: str, body: bytes) -> Iterator[str]:
    """The id of an attachment whose bytes were sent; deleted afterwards."""
    asked = {
        "message_id": message,
        "file_name": "doctor.mp4",
        "file_size": len(body),
        "mime_type": "video/mp4",
    }
    ticket = _done(sender.post("videos/upload/", json=asked), "An upload could not be asked for")
    upload = ticket["upload"]

    def remove() -> httpx.Response:
        return sender.delete(f"attachments/{ticket['id']}/")

    with _removed(remove, "The doctor's video could not be deleted"):
        sent = httpx.put(upload["url"], content=body, headers=upload["headers"], timeout=60)
        if sent.status_code != httpx.codes.OK:
            says = f"S3 refused the upload: {sent.status_code} {sent.text[:200]}"
            raise WrongError(says, "See docs/troubleshooting.md, S3 refuses the upload.")
        yield str(ticket["id"])


def _look_at(sender: httpx.Client, attachment_id: str, body: bytes) -> None:
    record = _settled(sender, attachment_id)
    if record["status"] != "ready":
        says = f"The video is {record['status']}: {record['reason'] or 'nothing happened to it'}"
        raise WrongError(f"{says.rstrip('.')}.", "See docs/troubleshooting.md, It stays pending.")
    if record["width"] != 1280 or not record["thumbnail_url"]:
        raise WrongError("The video was inspected wrongly, or has no thumbnail.", LOGS)
    if httpx.get(record["thumbnail_url"]).content[:2] != b"\xff\xd8":
        raise WrongError("The thumbnail cannot be fetched.", LOGS)
    download = _done(
        sender.get(f"attachments/{attachment_id}/download/"), "The video cannot be downloaded"
    )
    if httpx.get(download["url"], timeout=60).content != body:
        raise WrongError("The video came back with other bytes.", LOGS)


def _settled(sender: httpx.Client, attachment_id: str) -> Json:
    ends = time.monotonic() + PATIENCE_S
    while True:
        answer = sender.get(f"attachments/{attachment_id}/", headers={"Prefer": "wait=10"})
        record = _done(answer, "The video's record cannot be read")
        if record["status"] != "pending" or time.monotonic() > ends:
            return record
        time.sleep(0.5)


def _done(answer: httpx.Response, says: str) -> Json:
    """The JSON of an answer that is no error. Raises WrongError."""
    try:
        told: Json = answer.json()
    except json.JSONDecodeError:
        told = {}
    if answer.is_error:
        detail = told.get("detail", answer.text[:200])
        raise WrongError(f"{says}: {answer.status_code}, {detail}", LOGS)
    return told
