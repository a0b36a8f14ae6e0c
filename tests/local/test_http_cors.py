"""CORS of the HTTP API over real HTTP: preflights, and the headers of every answer."""

import httpx

from tests.local.http_front import DEFAULT, ORIGIN, answering, api_in_front_of
from tests.local.probe_functions.background import Background


def preflight(origin: str) -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": "POST"}


def test_a_preflight_is_answered_without_a_function(api: httpx.Client) -> None:
    response = api.options("/ghost", headers=preflight(ORIGIN))
    assert (response.status_code, response.content) == (204, b"")
    assert cors_headers(response) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-expose-headers": "etag",
        "access-control-max-age": "3600",
    }


def cors_headers(response: httpx.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


def test_a_preflight_from_elsewhere_allows_nothing(api: httpx.Client) -> None:
    response = api.options("/api/x", headers=preflight("https://evil.example"))
    assert (response.status_code, cors_headers(response)) == (204, {})


def test_options_that_is_no_preflight_needs_a_route(api: httpx.Client) -> None:
    assert api.options("/api/x", headers={"Origin": ORIGIN}).status_code == 404


def test_a_route_that_takes_options_gets_the_preflight(
    background: Background, lambda_endpoint: str
) -> None:
    with api_in_front_of(lambda_endpoint, background, routes=(DEFAULT,)) as client:
        response = client.options("/x", headers=preflight(ORIGIN))
    assert response.json()["requestContext"]["http"]["method"] == "OPTIONS"
    assert cors_headers(response)["access-control-allow-methods"] == "GET,POST"


def test_an_answer_has_the_configured_cors_headers_and_not_the_functions(
    api: httpx.Client,
) -> None:
    answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "Vary": "x"}}
    query = answering(answer)
    allowed = api.get("/api/x", params=query, headers={"Origin": ORIGIN})
    assert cors_headers(allowed) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-expose-headers": "etag",
    }
    assert allowed.headers["vary"] == "x"
    assert cors_headers(api.get("/api/x", params=query)) == {}
    elsewhere = api.get("/api/x", params=query, headers={"Origin": "https://evil.example"})
    assert cors_headers(elsewhere) == {}
