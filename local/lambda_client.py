"""Calls functions through the Lambda Invoke API, be it of `local.runtime` or of `sam local`."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector


class InvokeError(Exception):
    """A function failed, or the Invoke API refused: then `status` is its HTTP status."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


class LambdaClient:
    def __init__(self, endpoint: str, http: ClientSession) -> None:
        self._endpoint, self._http = endpoint, http

    @classmethod
    @asynccontextmanager
    async def connected(cls, endpoint: str) -> AsyncIterator["LambdaClient"]:
        async with ClientSession(
            connector=TCPConnector(limit=0), timeout=ClientTimeout(total=None)
        ) as http:
            yield cls(endpoint, http)

    async def invoke(self, function: str, event: object) -> Any:
        """The function's answer. Raises InvokeError.

        `sam local start-lambda` answers an exception or a timeout with 200 and no FunctionError,
        so an answer that looks like an error is one too.
        """
        url = f"{self._endpoint}/2015-03-31/functions/{function}/invocations"
        try:
            async with self._http.post(url, data=BytesIO(json.dumps(event).encode())) as response:
                text = await response.text(errors="replace")
        except ClientError as error:
            raise InvokeError(f"{function}: {error}") from error
        if response.status != 200:
            raise InvokeError(f"{function}: {text}", response.status)
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise InvokeError(f"{function}: {text}") from error
        looks_failed = (
            isinstance(answer, dict) and "errorType" in answer and "statusCode" not in answer
        )
        if looks_failed or "X-Amz-Function-Error" in response.headers:
            raise InvokeError(f"{function}: {text}")
        return answer
