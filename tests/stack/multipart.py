"""An upload in parts, as a client does it over the `sign` route."""

import re
from dataclasses import dataclass
from functools import cached_property

import httpx

from tests.stack.client import File, Json, User

MEGABYTE = 2**20


def log_of(size: int) -> File:
    """A text of exactly this many bytes."""
    line = b"2026-11-20T09:52:58Z the tent is packed, the car is not\n"
    return File("trip.log", "text/plain", (line * (size // len(line) + 1))[:size])


@dataclass
class Multipart:
    """The upload of one file by its user; each method is one step."""

    user: User
    ticket: Json
    file: File

    @property
    def id(self) -> str:
        found: str = self.ticket["id"]
        return found

    @property
    def part_size(self) -> int:
        size: int = self.ticket["upload"]["part_size"]
        return size

    @property
    def count(self) -> int:
        return -(-len(self.file.body) // self.part_size)

    def ask(self, **step: object) -> httpx.Response:
        """Ask for a signature, in the words of a stock Uppy."""
        said = {"key": self.ticket["upload"]["key"], **step}
        return self.user.post(f"/attachments/{self.id}/sign/", json=said)

    def sign(self, **step: object) -> Json:
        response = self.ask(**step)
        assert response.status_code == 200, response.text
        signed: Json = response.json()
        return signed

    def send(self, body: bytes = b"", /, **step: object) -> httpx.Response:
        """Ask for a signature and use it."""
        signed = self.sign(**step)
        return httpx.request(
            str(step["method"]),
            signed["url"],
            headers=signed["headers"],
            content=body or None,
            timeout=60,
        )

    @cached_property
    def upload_id(self) -> str:
        answer = self.send(method="POST")
        assert answer.status_code == 200, answer.text
        found = re.search(r"<UploadId>(.+)</UploadId>", answer.text)
        assert found
        return found[1]

    def part(self, number: int) -> bytes:
        return self.file.body[(number - 1) * self.part_size : number * self.part_size]

    def send_part(self, number: int, body: bytes | None = None) -> httpx.Response:
        sent = self.part(number) if body is None else body
        return self.send(sent, method="PUT", uploadId=self.upload_id, partNumber=number)

    def listing(self) -> httpx.Response:
        return self.send(method="GET", uploadId=self.upload_id)

    def arrived(self) -> dict[int, str]:
        """The ETag of each part that S3 has."""
        answer = self.listing()
        assert answer.status_code == 200, answer.text
        found = re.findall(
            r"<PartNumber>(\d+)</PartNumber>.*?<ETag>(.*?)</ETag>", answer.text, re.DOTALL
        )
        return {int(number): etag for number, etag in found}

    def manifest(self) -> bytes:
        """The body of a completion, of the parts that arrived."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in sorted(self.arrived().items())
        )
        return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

    def complete(self) -> httpx.Response:
        return self.send(self.manifest(), method="POST", uploadId=self.upload_id)

    def abort(self) -> httpx.Response:
        return self.send(method="DELETE", uploadId=self.upload_id)
