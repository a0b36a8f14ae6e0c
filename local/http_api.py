"""The template's HTTP API, as API Gateway serves it with payload format 2.0.

Rules come from the API Gateway pages "Create routes for HTTP APIs", "Create AWS Lambda proxy
integrations for HTTP APIs", "Configure CORS for HTTP APIs" and "Quotas for HTTP APIs". One stage,
no authorizers, no cookies apart; a variable of a path is greedy and stands at its end.
"""

import asyncio
import base64
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.cors import CorsRule, api_answer, is_preflight
from local.lambda_client import InvokeError, LambdaClient
from local.loopback import serving
from local.template import ACCOUNT

MAX_REQUEST_BYTES = 10 * 2**20
INTEGRATION_TIMEOUT_S = 30.0
ERRORS = {
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# Bodies of every other type, and of none, arrive in base64. So AWS does; no page lists it.
TEXT_TYPES = re.compile(r"text/.*|application/(json|javascript|xml)")

Pages = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True)
class Route:
    """`path` is `$default`, or exact, or ends in a greedy variable: `/api/{proxy+}`."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        return "$default" if self.path == "$default" else f"{self.method} {self.path}"


class Throttle:
    """API Gateway's token bucket: `rate` requests a second, at most `burst` saved."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._filled_at = float(burst), time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class HttpApi:
    """Each of `pages` may answer a GET that no route but `$default` takes, or return None."""

    routes: Iterable[Route]
    cors: CorsRule
    functions: LambdaClient
    throttle: Throttle
    _: KW_ONLY
    pages: tuple[Pages, ...] = ()
    integration_timeout_s: float = INTEGRATION_TIMEOUT_S

    @asynccontextmanager
    async def serving(self, port: int | socket.socket = 0) -> AsyncIterator[str]:
        """The address of the API."""
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        otherwise = None
        # aiohttp looks for the longest path first; a method must come before ANY.
        for route in sorted(self.routes, key=lambda route: route.method == "ANY"):
            if route.path == "$default":
                otherwise = route
                continue
            method = "*" if route.method == "ANY" else route.method
            path = re.sub(r"\+\}$", ":(?s:.+)}", route.path)
            application.router.add_route(method, path, partial(self._handle, route))
        application.router.add_route("*", "/{path:(?s:.*)}", partial(self._otherwise, otherwise))
        async with serving(application, port, auto_decompress=False) as address:
            yield address

    async def _otherwise(self, route: Route | None, request: web.Request) -> web.StreamResponse:
        """What no other route takes."""
        if request.method in ("GET", "HEAD"):
            for pages in self.pages:
                page = await pages(request)
                if page is not None:
                    return page
        return await self._handle(route, request)

    async def _handle(self, route: Route | None, request: web.Request) -> web.Response:
        if route is not None:
            response = await self._call(route, request)
        elif is_preflight(request):  # `ANY` and `$default` take it: then their function answers
            response = web.Response(status=204)
        else:
            response = _error(404)
        response.headers.update(api_answer(self.cors, request))
        return response

    async def _call(self, route: Route, request: web.Request) -> web.Response:
        if not self.throttle.take():
            return _error(429)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _error(413)
        event = proxy_event(route, request, body)
        try:
            async with asyncio.timeout(self.integration_timeout_s):
                return proxy_response(await self.functions.invoke(route.function, event))
        except TimeoutError:
            return _error(503)
        except InvokeError as error:
            return _error(413 if error.status == 413 else 500)


def proxy_event(route: Route, request: web.Request, body: bytes) -> dict[str, Any]:
    """Payload format 2.0: fields that have nothing to say are absent, as on AWS."""
    path, _, query = request.raw_path.partition("?")
    path = unquote(path)
    is_text = TEXT_TYPES.fullmatch(request.content_type)
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            name.lower(): ",".join(request.headers.getall(name)) for name in request.headers
        },
        "queryStringParameters": {
            name: ",".join(request.query.getall(name)) for name in request.query
        },
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": request.host,
            "domainPrefix": "local",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
                "sourceIp": request.remote,
                "userAgent": request.headers.get("User-Agent", ""),
            },
            "requestId": base64.b64encode(secrets.token_bytes(11)).decode(),
            "routeKey": route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "pathParameters": {} if route.key == "$default" else dict(request.match_info),
        "body": body.decode(errors="replace") if is_text else base64.b64encode(body).decode(),
        "isBase64Encoded": bool(body) and not is_text,
    }
    optional = {"queryStringParameters", "pathParameters", "body"}
    return {name: value for name, value in event.items() if value or name not in optional}


def proxy_response(answer: Any) -> web.Response:
    """What a function's answer means; one that makes no sense is an internal error."""
    try:
        body = answer.get("body") or ""
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = {"content-type": "text/plain; charset=utf-8"}
        for name, value in answer.get("headers", {}).items():
            if not name.lower().startswith("access-control-"):  # those are the API's own
                headers[name.lower()] = str(value)
        return web.Response(status=int(answer["statusCode"]), body=content, headers=headers)
    except (AttributeError, KeyError, TypeError, ValueError):
        return _error(500)


def _error(status: int) -> web.Response:
    text = f'{{"message":"{ERRORS[status]}"}}'
    return web.Response(status=status, text=text, content_type="application/json")
