"""By the rule of the template's bucket, browsers of one site may send what was signed for them."""

import httpx
import pytest

from attachments.storage import SignedRequest
from tests.security.s3_server import SITE, S3Server
from tests.security.signed import BODY


def preflight(server: S3Server, url: str, origin: str, method: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
    }
    return server.send("OPTIONS", url, headers=asked)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_the_listed_site_may_send_what_was_signed(
    server: S3Server, upload: SignedRequest, method: str
) -> None:
    answer = preflight(server, upload.url, SITE, method)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SITE
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].replace(" ", "").split(",")
    assert {"content-type", "if-none-match", "x-amz-checksum-sha256"} <= set(allowed)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{SITE}.evil.example", "http://chat.example", "null"]
)
def test_no_other_site_may_send_what_was_signed(
    server: S3Server, upload: SignedRequest, origin: str
) -> None:
    answer = preflight(server, upload.url, origin, "PUT")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_listed_site_can_read_what_s3_answers_to_an_upload(
    server: S3Server, upload: SignedRequest
) -> None:
    answer = server.put(upload, BODY, origin=SITE)
    assert answer.headers["access-control-allow-origin"] == SITE
    exposed = answer.headers["access-control-expose-headers"].replace(" ", "").lower().split(",")
    assert {"etag", "location"} <= set(exposed)


def test_only_the_gate_lets_the_listed_site_read_a_refusal(
    server: S3Server, upload: SignedRequest
) -> None:
    answer = server.put(upload, BODY + b"!", origin=SITE)
    assert answer.status_code == 403
    readable = answer.headers.get("access-control-allow-origin") == SITE
    assert readable == (server.name == "gate")
