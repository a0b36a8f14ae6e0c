"""The HTTP API with a function behind it: its routes, its CORS rule, and how to start it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from local.cors import CorsRule
from local.http_api import HttpApi, Pages, Route, Throttle
from local.lambda_client import LambdaClient
from tests.local.probe_functions.background import Background

ORIGIN = "https://chat.example"
CORS = CorsRule(
    origins=(ORIGIN,),
    methods=("GET", "POST"),
    headers=("authorization", "content-type"),
    exposed=("etag",),
    max_age_s=3600,
)
ROUTES = (
    Route("GET", "/api/{proxy+}", "web"),
    Route("POST", "/api/{proxy+}", "web"),
    Route("PUT", "/items", "web"),
    Route("GET", "/ghost", "nobody"),
)
DEFAULT = Route("ANY", "$default", "web")


@contextmanager
def api_in_front_of(
    lambda_endpoint: str,
    background: Background,
    *,
    routes: tuple[Route, ...] = ROUTES,
    throttle: tuple[float, int] = (100, 100),
    pages: tuple[Pages, ...] = (),
    integration_timeout_s: float = 30,
) -> Iterator[httpx.Client]:
    with background.entered(LambdaClient.connected(lambda_endpoint)) as functions:
        api = HttpApi(
            routes,
            CORS,
            functions,
            Throttle(*throttle),
            pages=pages,
            integration_timeout_s=integration_timeout_s,
        )
        with (
            background.entered(api.serving()) as address,
            httpx.Client(base_url=address, timeout=30) as client,
        ):
            yield client


def answering(answer: Any) -> dict[str, str]:
    """A query that makes the function answer this."""
    return {"answer": json.dumps(answer)}
