"""How functions and queue mappings are set, and to set them otherwise, as Lambda's API does it.

What boto3's `lambda` client asks besides Invoke: GetFunctionConfiguration,
UpdateFunctionConfiguration (the environment alone), ListEventSourceMappings,
UpdateEventSourceMapping (whether it is enabled). A change is there at once and ends with the stack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from aiohttp import web

from local.queue_poller import QueuePoller
from local.stream_poller import StreamPoller
from local.worker import ARN_PREFIX, Function

PREFIX = "/2015-03-31"


Poller = QueuePoller | StreamPoller


class Settable(Protocol):
    """What runs a function as it is set."""

    function: Function


class SettingsApi:
    def __init__(self, pools: Mapping[str, Settable], pollers: Sequence[Poller]) -> None:
        self._pools, self._pollers = pools, pollers

    def routes(self) -> list[web.RouteDef]:
        function = f"{PREFIX}/functions/{{name}}/configuration"
        mappings = f"{PREFIX}/event-source-mappings"
        return [
            web.get(function, self._function),
            web.put(function, self._set_function),
            web.get(mappings, self._mappings),
            web.put(f"{mappings}/{{uuid}}", self._set_mapping),
        ]

    async def _function(self, request: web.Request) -> web.Response:
        pool = self._pools.get(request.match_info["name"])
        return web.json_response(_configuration(pool.function)) if pool else _absent("Function")

    async def _set_function(self, request: web.Request) -> web.Response:
        pool, asked = self._pools.get(request.match_info["name"]), await request.json()
        if pool is None:
            return _absent("Function")
        if set(asked) != {"Environment"}:
            return _unknown("the environment of a function")
        pool.function = replace(pool.function, environment=asked["Environment"]["Variables"])
        return web.json_response(_configuration(pool.function))

    async def _mappings(self, request: web.Request) -> web.Response:
        source = request.query.get("EventSourceArn")
        found = [
            _mapping(number, poller)
            for number, poller in enumerate(self._pollers)
            if source in (None, poller.mapping.source_arn)
        ]
        return web.json_response({"EventSourceMappings": found})

    async def _set_mapping(self, request: web.Request) -> web.Response:
        asked = await request.json()
        known = {_uuid(number): number for number in range(len(self._pollers))}
        number = known.get(request.match_info["uuid"])
        if number is None:
            return _absent("Event source mapping")
        if set(asked) != {"Enabled"}:
            return _unknown("whether a mapping is enabled")
        self._pollers[number].enabled = bool(asked["Enabled"])
        return web.json_response(_mapping(number, self._pollers[number]), status=202)


def _configuration(function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "FunctionArn": ARN_PREFIX + function.name,
        "Handler": function.handler,
        "Timeout": int(function.timeout_s),
        "MemorySize": function.memory_mb,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Environment": {"Variables": dict(function.environment)},
    }


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _mapping(number: int, poller: Poller) -> dict[str, Any]:
    return {
        "UUID": _uuid(number),
        "EventSourceArn": poller.mapping.source_arn,
        "FunctionArn": ARN_PREFIX + poller.mapping.function,
        "BatchSize": poller.mapping.batch_size,
        "State": "Enabled" if poller.enabled else "Disabled",
    }


def _absent(what: str) -> web.Response:
    return refusal(404, "ResourceNotFoundException", f"{what} not found")


def _unknown(what: str) -> web.Response:
    return refusal(400, "InvalidParameterValueException", f"The local stack changes only {what}.")


def refusal(status: int, error_type: str, message: str) -> web.Response:
    """An error as Lambda's API answers it."""
    body = {"Type": "User", "Message": message}
    return web.json_response(body, status=status, headers={"x-amzn-ErrorType": error_type})
