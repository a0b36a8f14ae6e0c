"""Servers of the loopback, reachable for containers: on the address of Docker's bridge alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

PIECE_BYTES = 64 * 1024


@asynccontextmanager
async def bridged(address: str, gateway: str) -> AsyncIterator[str]:
    """The address at which containers find the server at `address`: the same port of `gateway`.

    Raises OSError where this machine has no such address or the port is taken there.
    """
    port = urlsplit(address).port
    server = await asyncio.start_server(
        lambda reader, writer: _forward(reader, writer, port), gateway, port
    )
    async with server:
        yield f"http://{gateway}:{port}"


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int | None
) -> None:
    try:
        answers, questions = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pipe(reader, questions), _pipe(answers, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends, or breaks."""
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()
