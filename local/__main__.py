"""`make run`: the whole template on this machine, from one command until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

import httpx

from local import console, demo
from local.data_plane import StartError, publish
from local.ffmpeg import NoFfmpegError
from local.samples import make_clip
from local.stack import LocalStack, PortInUseError
from local.template import TemplateError
from local.worker import Log
from offchat_attachments import OffChatError

ROOT = Path(__file__).parents[1]


def main() -> int:
    arguments = _arguments()
    try:
        return asyncio.run(_serve(arguments))
    except (TemplateError, NoFfmpegError, PortInUseError, StartError, demo.DemoError) as error:
        problem = str(error)
    except (OffChatError, httpx.HTTPError, subprocess.CalledProcessError) as error:
        problem = f"The demo did not work: {error}"
    print(f"\n{problem}", file=sys.stderr)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make run", description="Run OffChat Attachments on this machine."
    )
    parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "8000")
    parser.add_argument("--folder", type=Path, default=ROOT / ".local", help="for stack.json")
    parser.add_argument("--file", type=Path, help="a video of yours for the demo")
    parser.add_argument(
        "--parameter",
        action="append",
        default=os.environ.get("PARAMETERS", "").split(),
        metavar="NAME=VALUE",
        help="of the template",
    )
    parser.add_argument("--dashboard", default="", help="its static files; none are served without")
    parser.add_argument("--no-demo", action="store_true", default=os.environ.get("DEMO") == "0")
    arguments = parser.parse_args()
    if os.environ.get("FILE"):
        arguments.file = Path(os.environ["FILE"])
    if arguments.file and not arguments.file.is_file():
        sys.exit(f"There is no file {arguments.file}.")
    return arguments


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        sys.exit(f"{text} is not a port: pick one from 1 to 65535, or 0 for any that is free.")
    return int(text)


async def _serve(arguments: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as cleanup:
        stack = await cleanup.enter_async_context(
            LocalStack(
                ROOT / "template.yaml",
                port=arguments.port,
                parameters=dict(part.partition("=")[::2] for part in arguments.parameter),
                log=_kept_in(cleanup.enter_context((folder / "functions.log").open("w"))),
                dashboard=Path(arguments.dashboard) if arguments.dashboard else None,
            )
        )
        await asyncio.to_thread(demo.seed, stack.description)
        publish(folder / "stack.json", stack.description)
        cleanup.callback((folder / "stack.json").unlink, missing_ok=True)
        console.note(f"API        {stack.description['api']}")
        console.note(f"API docs   {stack.description['api']}/docs/")
        if "dashboard" in stack.description:
            console.note(f"Dashboard  {stack.description['dashboard']}")
        console.note(f"S3         {stack.description['s3']}")
        console.note(f"All of it  {folder / 'stack.json'}")
        console.note(f"Logs       {folder / 'functions.log'}")
        if not arguments.no_demo:
            await asyncio.to_thread(_demo, arguments, stack.description)
        console.heading("Serving until Ctrl-C.")
        await stop.wait()
        console.note("\nStopping.")
    return 0


def _demo(arguments: argparse.Namespace, description: dict[str, object]) -> None:
    folder: Path = arguments.folder
    video = arguments.file or folder / "sample.mp4"
    if not video.exists():
        console.note("Making a sample video of ten seconds.")
        make_clip(video)
    console.heading(f"Uploading {video.name} as the demo's sender")
    record = demo.upload(description, video, folder)
    demo.show(record)
    demo.instructions(description, record.id)


def _kept_in(file: TextIO) -> Log:
    """Shows a function's lines and keeps them, as they are, in a file."""

    def log(name: str, line: str) -> None:
        print(name, line, file=file, flush=True)
        console.function_line(name, line)

    return log


if __name__ == "__main__":
    sys.exit(main())
