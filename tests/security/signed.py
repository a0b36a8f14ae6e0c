"""What our code signs, for one small video, and what of it is altered."""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import httpx
from botocore.compat import get_current_datetime

from attachments.serving import content_disposition
from attachments.storage import SignedRequest
from tests.security.s3_server import S3Server

BODY = b"a small video"
FORGED = BODY.swapcase()
TYPE = "video/mp4"
LIFE_S = 900
MIN_PART = 5 * 2**20  # of all parts but the last
NAME = 'my "holiday"; é 🎬%20+\r\nSet-Cookie: x.mp4'
DISPOSITION = content_disposition(NAME, inline=True)


def checksum(body: bytes) -> str:
    return b64encode(sha256(body).digest()).decode()


def code(answer: httpx.Response) -> str:
    found = re.search(r"<Code>(\w+)</Code>", answer.text)
    return found[1] if found else ""


def signed_put(
    server: S3Server, key: str, *, checked: bool = False, seconds: int = LIFE_S
) -> SignedRequest:
    digest = checksum(BODY) if checked else None
    return server.storage.sign_put(
        key, size=len(BODY), mime_type=TYPE, sha256=digest, seconds=seconds
    )


def signed_get(server: S3Server, key: str, version_id: str | None) -> str:
    return server.storage.sign_get(
        key,
        version_id=version_id,
        seconds=LIFE_S,
        content_type=TYPE,
        disposition=DISPOSITION,
    )


def created(server: S3Server, key: str) -> str:
    """The id of an upload in parts that a client began."""
    signed = server.storage.sign_create_multipart(key, mime_type=TYPE, seconds=LIFE_S)
    answer = server.step(signed)
    assert answer.status_code == 200
    found = re.search(r"<UploadId>(.+)</UploadId>", answer.text)
    assert found
    return found[1]


def part_url(
    server: S3Server, key: str, upload_id: str, number: int = 1, body: bytes = BODY
) -> str:
    return server.storage.sign_part(
        key, upload_id=upload_id, number=number, size=len(body), seconds=LIFE_S
    ).url


def parts(server: S3Server, key: str, upload_id: str) -> list[tuple[int, int]]:
    """Number and size of each part that a signed listing tells."""
    answer = server.step(server.storage.sign_list_parts(key, upload_id=upload_id, seconds=LIFE_S))
    assert answer.status_code == 200
    found = re.findall(
        r"<PartNumber>(\d+)</PartNumber>.*?<Size>(\d+)</Size>", answer.text, re.DOTALL
    )
    return [(int(number), int(size)) for number, size in found]


def completing(*etags: str) -> bytes:
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    return f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()


def completed(server: S3Server, key: str, upload_id: str, *etags: str) -> httpx.Response:
    signed = server.storage.sign_complete(key, upload_id=upload_id, seconds=LIFE_S)
    return server.step(signed, completing(*etags))


def aborted(server: S3Server, key: str, upload_id: str) -> httpx.Response:
    return server.step(server.storage.sign_abort(key, upload_id=upload_id, seconds=LIFE_S))


def altered_signature(url: str) -> str:
    return url[:-1] + ("0" if url[-1] != "0" else "1")


@contextmanager
def signing_at(offset: timedelta) -> Iterator[None]:
    """Inside, the signer's clock is off by this much."""

    def shifted(now: Any, *args: Any, **options: Any) -> Any:
        return now(*args, **options) + offset

    with patch("botocore.auth.get_current_datetime", partial(shifted, get_current_datetime)):
        yield
