"""The HTTP API over real HTTP: in front of real function processes, and of a scripted Invoke API
where AWS's behaviour is easier to script than to provoke."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from aiohttp import web

from local.http_api import Route
from local.loopback import serving
from tests.local.http_front import DEFAULT, ROUTES, answering, api_in_front_of
from tests.local.probe_functions.background import Background


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/pets/dog", "GET /pets/dog", {}),
        ("GET", "/pets/dog/", "GET /pets/{proxy+}", {"proxy": "dog/"}),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST", "/pets/dog", "ANY /pets/dog", {}),
        ("POST", "/pets/cat", "ANY /{proxy+}", {"proxy": "pets/cat"}),
        ("GET", "/pets/", "ANY /{proxy+}", {"proxy": "pets/"}),
        ("GET", "/", "$default", {}),
    ],
)
def test_the_most_specific_route_wins(
    background: Background,
    lambda_endpoint: str,
    method: str,
    path: str,
    key: str,
    parameters: dict[str, str],
) -> None:
    routes = (
        DEFAULT,
        Route("ANY", "/{proxy+}", "web"),
        Route("GET", "/pets/{proxy+}", "web"),
        Route("ANY", "/pets/dog", "web"),
        Route("GET", "/pets/dog", "web"),
    )
    with api_in_front_of(lambda_endpoint, background, routes=routes) as client:
        event = client.request(method, path).json()
    assert (event["routeKey"], event.get("pathParameters", {})) == (key, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/"), ("GET", "/api"), ("PATCH", "/api/x"), ("PUT", "/items/x")],
)
def test_a_route_that_is_not_there_is_not_found(api: httpx.Client, method: str, path: str) -> None:
    response = api.request(method, path)
    assert (response.status_code, response.text) == (404, '{"message":"Not Found"}')
    assert response.headers["content-type"].startswith("application/json")


def test_the_event_is_payload_format_2(api: httpx.Client) -> None:
    response = api.post(
        "/api/chat/a%2Fb c/?x=1&x=2&empty=&space=a%20b%2B",
        json={"file": "ü"},
        headers=[
            ("X-Thing", "one"),
            ("x-thing", "two"),
            ("User-Agent", "tester"),
        ],
    )
    event = response.json()
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /api/{proxy+}",
        "rawPath": "/api/chat/a/b c/",
        "rawQueryString": "x=1&x=2&empty=&space=a%20b%2B",
        "queryStringParameters": {"x": "1,2", "empty": "", "space": "a b+"},
        "pathParameters": {"proxy": "chat/a/b c/"},
        "body": '{"file":"ü"}',
        "isBase64Encoded": False,
    }
    assert all(name == name.lower() for name in headers)
    assert headers["x-thing"] == "one,two"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "13"
    assert context["http"] == {
        "method": "POST",
        "path": "/api/chat/a/b c/",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tester",
    }
    assert len(context["requestId"]) == 16
    assert context["stage"] == "$default"
    assert context["routeKey"] == "POST /api/{proxy+}"
    assert context["domainName"] == headers["host"]
    answered_at = parsedate_to_datetime(response.headers["date"]).timestamp()
    assert abs(context["timeEpoch"] / 1000 - answered_at) < 5
    asked_at = datetime.strptime(context["time"], "%d/%b/%Y:%H:%M:%S %z")
    assert int(asked_at.timestamp()) == context["timeEpoch"] // 1000


def test_fields_that_have_nothing_to_say_are_absent(
    background: Background, lambda_endpoint: str
) -> None:
    with api_in_front_of(lambda_endpoint, background, routes=(DEFAULT,)) as client:
        event = client.get("/a/b").json()
    assert event["routeKey"] == "$default"
    assert event["rawQueryString"] == ""
    assert not {"queryStringParameters", "pathParameters", "body"} & set(event)


@pytest.mark.parametrize(
    ("content_type", "is_base64"),
    [
        ("application/json; charset=utf-8", False),
        ("text/csv", False),
        ("application/xml", False),
        ("application/x-www-form-urlencoded", True),
        ("multipart/form-data; boundary=x", True),
        ("video/mp4", True),
        (None, True),
    ],
)
def test_only_text_arrives_as_text(
    api: httpx.Client, content_type: str | None, is_base64: bool
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    event = api.post("/api/x", content=b"abc", headers=headers).json()
    assert event["isBase64Encoded"] is is_base64
    assert event["body"] == ("YWJj" if is_base64 else "abc")


def test_a_compressed_body_arrives_as_it_was_sent(api: httpx.Client) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/octet-stream"}
    event = api.post("/api/x", content=b"\x1f\x8bnot really", headers=headers).json()
    assert base64.b64decode(event["body"]) == b"\x1f\x8bnot really"


def test_an_answer_has_its_status_and_headers(api: httpx.Client) -> None:
    answer = {
        "statusCode": 201,
        "headers": {"Content-Type": "application/problem+json", "ETag": '"1"', "X-Count": 3},
        "body": "é",
    }
    response = api.get("/api/x", params=answering(answer))
    assert (response.status_code, response.content) == (201, "é".encode())
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.headers["etag"], response.headers["x-count"]) == ('"1"', "3")


def test_a_binary_answer_is_decoded(api: httpx.Client) -> None:
    picture = bytes(range(256))
    answer = {
        "statusCode": 200,
        "headers": {"content-type": "image/webp"},
        "body": base64.b64encode(picture).decode(),
        "isBase64Encoded": True,
    }
    assert api.get("/api/x", params=answering(answer)).content == picture


def test_an_answer_without_a_type_is_plain_text(api: httpx.Client) -> None:
    response = api.get("/api/x", params=answering({"statusCode": 200, "body": "hi"}))
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_304_keeps_its_headers_and_has_no_body(api: httpx.Client) -> None:
    answer = {"statusCode": 304, "headers": {"etag": '"1"'}}
    response = api.get("/api/x", params=answering(answer))
    assert (response.status_code, response.headers["etag"], response.content) == (304, '"1"', b"")


@pytest.mark.parametrize(
    "answer",
    [
        {"items": [1]},
        None,
        {"statusCode": "soon"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "x", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["x"]},
    ],
)
def test_an_answer_that_makes_no_sense_is_an_internal_error(api: httpx.Client, answer: Any) -> None:
    response = api.get("/api/x", params=answering(answer))
    assert (response.status_code, response.text) == (500, '{"message":"Internal Server Error"}')


@pytest.mark.parametrize("path", ["/api/x?do=fail", "/api/x?do=crash", "/ghost"])
def test_a_function_that_fails_is_an_internal_error(api: httpx.Client, path: str) -> None:
    response = api.get(path)
    assert (response.status_code, response.text) == (500, '{"message":"Internal Server Error"}')


@pytest.mark.parametrize("megabytes", [7, 11])  # beyond Lambda's 6, beyond API Gateway's 10
def test_a_body_that_is_too_large_is_refused(api: httpx.Client, megabytes: int) -> None:
    response = api.post(
        "/api/x", content=b"x" * megabytes * 2**20, headers={"content-type": "text/plain"}
    )
    assert (response.status_code, response.text) == (413, '{"message":"Request Entity Too Large"}')


def test_a_function_that_takes_too_long_is_unavailable(
    background: Background, lambda_endpoint: str
) -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with (
        invoke_api(background, never) as endpoint,
        api_in_front_of(endpoint, background, integration_timeout_s=0.2) as client,
    ):
        response = client.get("/api/x")
    assert (response.status_code, response.text) == (503, '{"message":"Service Unavailable"}')


@contextmanager
def invoke_api(background: Background, handler: Any) -> Iterator[str]:
    app = web.Application()
    app.router.add_post("/2015-03-31/functions/{name}/invocations", handler)
    with background.entered(serving(app, handler_cancellation=True)) as endpoint:
        yield endpoint


@pytest.mark.parametrize(
    "body", [b'{"errorMessage": "no", "errorType": "ValueError"}', b"Function timed out", b""]
)
def test_failures_as_sam_local_tells_them_are_failures(background: Background, body: bytes) -> None:
    async def like_sam(_: web.Request) -> web.Response:
        return web.Response(body=body)

    with (
        invoke_api(background, like_sam) as endpoint,
        api_in_front_of(endpoint, background) as client,
    ):
        assert client.get("/api/x").status_code == 500


def test_requests_beyond_the_burst_are_throttled(
    background: Background, lambda_endpoint: str
) -> None:
    with api_in_front_of(lambda_endpoint, background, throttle=(0.001, 2)) as client:
        responses = [client.get("/api/x") for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[2].text == '{"message":"Too Many Requests"}'


def test_pages_are_asked_before_the_default_route_and_after_the_others(
    background: Background, lambda_endpoint: str
) -> None:
    async def pages(request: web.Request) -> web.StreamResponse | None:
        return web.Response(text="dashboard") if request.path in ("/", "/api/x") else None

    routes = (*ROUTES, DEFAULT)
    with api_in_front_of(lambda_endpoint, background, routes=routes, pages=(pages,)) as client:
        assert client.get("/").text == "dashboard"
        assert client.get("/api/x").json()["routeKey"] == "GET /api/{proxy+}"
        assert client.get("/other").json()["routeKey"] == "$default"
        assert client.post("/").json()["routeKey"] == "$default"


def test_a_path_with_a_newline_reaches_its_function(
    background: Background, lambda_endpoint: str
) -> None:
    with api_in_front_of(lambda_endpoint, background, routes=(*ROUTES, DEFAULT)) as client:
        assert client.get("/api/a%0Ab").json()["routeKey"] == "GET /api/{proxy+}"
        assert client.get("/a%0Ab").json()["routeKey"] == "$default"
