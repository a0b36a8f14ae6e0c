"""Which pages may ask, and what they may read of the answer."""

from typing import TYPE_CHECKING

import httpx
import pytest

from local.cors import CorsRule
from tests.contract.gate.client import BODY, KEY, RIGHT, SITE, code, get_url, put_url

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def preflight(web: httpx.Client, url: str, **headers: str) -> httpx.Response:
    asked = {f"Access-Control-Request-{name}": value for name, value in headers.items()}
    return web.options(url, headers={"Origin": asked.pop("Access-Control-Request-Origin")} | asked)


def test_a_listed_site_may_ask(s3: "S3Client", web: httpx.Client) -> None:
    asked = "content-type,if-none-match,x-amz-checksum-sha256"
    response = preflight(web, put_url(s3), Origin=SITE, Method="PUT", Headers=asked)
    assert response.status_code == 200
    found = {name: response.headers[f"access-control-{name}"] for name in CORS_ANSWER}
    assert found == CORS_ANSWER


CORS_ANSWER = {
    "allow-origin": SITE,
    "allow-methods": "GET, HEAD, PUT, POST",
    "allow-headers": "content-type, if-none-match, x-amz-checksum-sha256",
    "expose-headers": "ETag, Location",
    "max-age": "600",
}


@pytest.mark.parametrize(
    ("bucket", "origin", "method"),
    [("chat", "https://evil.example", "PUT"), ("chat", SITE, "DELETE"), ("other", SITE, "PUT")],
)
def test_nobody_else_may_ask(
    s3: "S3Client", endpoint: str, web: httpx.Client, bucket: str, origin: str, method: str
) -> None:
    response = preflight(web, f"{endpoint}/{bucket}/{KEY}", Origin=origin, Method=method)
    assert (response.status_code, code(response)) == (403, "AccessForbidden")
    assert "access-control-allow-origin" not in response.headers


def test_a_preflight_request_must_say_who_asks(endpoint: str, web: httpx.Client) -> None:
    assert code(web.options(f"{endpoint}/chat/{KEY}")) == "AccessForbidden"


def test_a_listed_site_can_read_every_answer(s3: "S3Client", web: httpx.Client) -> None:
    headers = RIGHT | {"Origin": SITE}
    answers = [
        web.put(put_url(s3), content=BODY, headers=headers),
        web.put(put_url(s3), content=BODY, headers=headers),
        web.put(put_url(s3), content=b"", headers=headers),
        web.get(get_url(s3, "none"), headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200, 412, 403, 404]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == [SITE]
        assert "Origin" in answer.headers["vary"]
    stranger = web.get(get_url(s3), headers={"Origin": "https://evil.example"})
    assert stranger.status_code == 200
    assert "access-control-allow-origin" not in stranger.headers


def test_a_bucket_without_rules_lets_nobody_ask(s3: "S3Client", web: httpx.Client) -> None:
    s3.delete_bucket_cors(Bucket="chat")
    assert code(preflight(web, put_url(s3), Origin=SITE, Method="PUT")) == "AccessForbidden"
    assert (
        "access-control-allow-origin" not in web.get(get_url(s3), headers={"Origin": SITE}).headers
    )


def rule(*origins: str, headers: tuple[str, ...] = ()) -> CorsRule:
    return CorsRule(origins, ("GET",), headers, (), 0)


def test_a_rule_has_at_most_one_wildcard_a_pattern() -> None:
    some = rule("https://*.chat.example", "http://127.0.0.1:*", headers=("X-Amz-*", "range"))
    assert some.allows("https://a.chat.example", "GET", ["x-amz-date", "range"])
    assert some.allows("http://127.0.0.1:8000", "GET", [])
    assert not some.allows("https://chat.example", "GET", [])
    assert not some.allows("https://a.chat.example.evil", "GET", [])
    assert not some.allows("https://a.chat.example", "GET", ["content-type"])
