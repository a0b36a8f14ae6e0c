"""The data plane of the local stack: moto, filled from the template, and the gate before its S3."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from local import demo
from local.gate import Gate
from local.provision import Stack, provision
from local.template import CREDENTIALS, REGION, SESSION, load, transform

ROOT = Path(__file__).parents[1]
TABLES = ("Attachments", "Chat", "Activity", "Guards", "Counters")
TOKEN_LIFE_S = 7 * 24 * 3600


class StartError(Exception):
    """A part did not start."""


@dataclass(frozen=True)
class DataPlane:
    """What the template declares of data, and the addresses of moto and of its guarded S3."""

    stack: Stack
    moto: str
    s3: str

    @property
    def addresses(self) -> dict[str, str]:
        """Environment variables by which the SDK finds it."""
        return {
            "AWS_ENDPOINT_URL": self.moto,
            "AWS_ENDPOINT_URL_S3": self.s3,
            "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key,
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
        }


@asynccontextmanager
async def data_plane(
    template: Path, parameters: Mapping[str, str], *, gate: Callable[..., Gate] = Gate
) -> AsyncIterator[DataPlane]:
    """Everything that `template` declares of data, on loopback while the context lasts.

    `gate` makes the gate, from what it takes. Raises TemplateError, and StartError.
    """
    transformed = transform(load(template), parameters)
    async with AsyncExitStack() as cleanup:
        moto = await _start_moto(cleanup)
        stack = await asyncio.to_thread(provision, transformed, parameters, endpoint=moto)
        guard = gate(moto, credentials=CREDENTIALS, region=REGION)
        s3 = await cleanup.enter_async_context(guard.serving())
        yield DataPlane(stack, moto, s3)


def describe(data: DataPlane, api: str) -> dict[str, Any]:
    """What `.local/stack.json` holds."""
    names = data.stack.names
    return {
        "api": api,
        "s3": data.s3,
        "aws": {
            "endpoint_url": data.moto,
            "region": REGION,
            "access_key_id": CREDENTIALS.access_key,
            "secret_access_key": CREDENTIALS.secret_key,
        },
        "bucket": names["Files"],
        "tables": {name.lower(): names[name] for name in TABLES},
        "queues": {
            "uploads": names["Uploads"],
            "dead_letters": names["UploadsDeadLetters"],
            "announce_dead_letters": names["AnnounceDeadLetters"],
            "webhooks": names["Webhooks"],
            "webhooks_dead_letters": names["WebhooksDeadLetters"],
        },
        "event_bus": names["Events"],
        "resources": data.stack.resources(),
        "parameters": data.stack.parameters,
        "tokens": _tokens(data),
        **demo.new_ids(),
    }


def publish(path: Path, description: Mapping[str, object]) -> None:
    """Written whole or not at all: whoever waits for the file never reads a half."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(description, indent=2))
    draft.replace(path)


async def _start_moto(cleanup: AsyncExitStack) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.moto_server"),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is for us
    )
    cleanup.push_async_callback(_kill, process)
    assert process.stdout
    endpoint = await process.stdout.readline()
    if not endpoint:
        raise StartError("moto did not start: try `.venv/bin/python -m local.moto_server`.")
    return endpoint.decode().strip()


async def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        process.kill()
    await process.wait()


def _tokens(data: DataPlane) -> dict[str, str]:
    """A token for each user of the demo, by the secret that the functions verify with."""
    secrets = SESSION.client("secretsmanager", endpoint_url=data.moto)
    secret = secrets.get_secret_value(SecretId=data.stack.names["TokenSecret"])["SecretString"]
    settings = data.stack.functions[0].environment
    tokens = {}
    for user in ("sender", "participant", "stranger", "admin", "service"):
        claims = {
            "iss": settings["TOKEN_ISSUER"],
            "aud": settings["TOKEN_AUDIENCE"],
            "sub": user,
            "exp": int(time.time()) + TOKEN_LIFE_S,
        }
        if user in ("admin", "service"):
            name, _, value = settings[f"{user.upper()}_CLAIM"].partition("=")
            claims[name] = value
        tokens[user] = jwt.encode(claims, secret, "HS256")
    return tokens
