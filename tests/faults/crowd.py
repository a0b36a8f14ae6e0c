"""Users of a running stack who upload as careful clients do.

Whatever may have been lost is asked again: a request for an upload under the same idempotency
key, a PUT until S3 has the object (412 after a lost answer says that it has it).
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import jwt

from tests.stack.client import File, Json, Stack, User

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

AGAIN = {429, 500, 502, 503, 504}
PATIENCE_S = 120.0
POLL_S = 0.15
CLAIMS = ("iss", "aud", "exp")


class Careful:
    """A user who asks again after what a server or a network does to an answer.

    `answers` counts what came, by status; 0 stands for a connection that was cut.
    """

    def __init__(self, api: str, token: str) -> None:
        self.user, self.bucket = User(api, token), httpx.Client(timeout=60)
        self.answers: Counter[int] = Counter()

    def close(self) -> None:
        self.user.close()
        self.bucket.close()

    def ask(self, method: str, path: str, **arguments: object) -> httpx.Response:
        """The API's answer. Raises AssertionError if none comes in time."""
        return self._insist(self.user, method, path, **arguments)

    def deliver(self, message_id: str, file: File) -> str:
        """Upload a file; its id, once S3 holds the bytes."""
        ticket = self.ticket(message_id, file)
        self.send(ticket, file)
        return str(ticket["id"])

    def ticket(self, message_id: str, file: File) -> Json:
        key = {"Idempotency-Key": str(uuid4())}
        asked = self.ask("POST", file.route, json=file.request(message_id), headers=key)
        assert asked.status_code == 201, asked.text
        ticket: Json = asked.json()
        return ticket

    def send(self, ticket: Json, file: File) -> None:
        """The bytes, until S3 has them."""
        upload, body = ticket["upload"], file.body
        sent = self._insist(
            self.bucket, "PUT", upload["url"], headers=upload["headers"], content=body
        )
        assert sent.status_code in {200, 412}, sent.text

    def settled(self, attachment_id: str) -> Json:
        """The record after inspection."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            record: Json = self.ask("GET", f"/attachments/{attachment_id}/").json()
            if record["status"] != "pending" or time.monotonic() > deadline:
                return record
            time.sleep(POLL_S)

    def fetch(self, attachment_id: str) -> bytes:
        """The file as it is served."""
        answer = self.ask("GET", f"/attachments/{attachment_id}/download/")
        assert answer.status_code == 200, answer.text
        served = self._insist(self.bucket, "GET", answer.json()["url"])
        assert served.status_code == 200, served.text
        return served.content

    def _insist(
        self, client: httpx.Client, method: str, url: str, **arguments: object
    ) -> httpx.Response:
        deadline, pause_s = time.monotonic() + PATIENCE_S, 0.1
        while True:
            try:
                response = client.request(method, url, **arguments)  # type: ignore[arg-type]
            except httpx.TransportError as error:
                self.answers[0] += 1
                said = repr(error)
            else:
                self.answers[response.status_code] += 1
                if response.status_code not in AGAIN:
                    return response
                said = response.text
                pause_s = max(pause_s, float(response.headers.get("retry-after", 0)))
            assert time.monotonic() < deadline, f"{method} {url}: {said}"
            time.sleep(random.uniform(0.5, 1) * pause_s)
            pause_s = min(2 * pause_s, 2.0)


@contextmanager
def crowd(stack: Stack, size: int) -> Iterator[list[Careful]]:
    """New users of a local stack, with tokens by its own secret."""
    claims = jwt.decode(stack.description["tokens"]["sender"], options={"verify_signature": False})
    secret = _secret(stack)
    with ExitStack() as cleanup:
        users = []
        for number in range(size):
            says = {"sub": f"user-{number}", **{name: claims[name] for name in CLAIMS}}
            users.append(Careful(stack.api, jwt.encode(says, secret, "HS256")))
            cleanup.callback(users[-1].close)
        yield users


def _secret(stack: Stack) -> str:
    client: SecretsManagerClient = stack.session.client(
        "secretsmanager", endpoint_url=stack.endpoint_url
    )
    [secret] = client.list_secrets()["SecretList"]
    return client.get_secret_value(SecretId=secret["ARN"])["SecretString"]
