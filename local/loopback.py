"""Every server of the local stack listens on 127.0.0.1 and nowhere else."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def serving(
    server: web.Application | web.Server, port: int | socket.socket = 0, **options: Any
) -> AsyncIterator[str]:
    """The address of a server; port 0 is any free one, a bound socket one that is held already.

    `options` are of an application's runner.
    """
    runner: web.BaseRunner
    if isinstance(server, web.Application):
        runner = web.AppRunner(server, access_log=None, shutdown_timeout=1, **options)
    else:
        runner = web.ServerRunner(server, shutdown_timeout=1)
    await runner.setup()
    try:
        if isinstance(port, socket.socket):
            await web.SockSite(runner, port).start()
        else:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
