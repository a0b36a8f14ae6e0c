"""The ways to inspect a video: ours, and what one would do instead.

They run in a worker process of their own (see `worker`), so that each has only its own imports in
memory. All start from an object's key and end with metadata and a JPEG 320 pixels wide.
"""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3

from benchmarks.simulated_s3 import BUCKET, VERSION_ID

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OURS, DOWNLOAD, DISTRIBUTION = "ours", "download", "download-distribution"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a variant found; `jpeg` is the thumbnail."""

    codec: str | None
    width: int | None
    height: int | None
    duration_ms: int | None
    jpeg: bytes


class Variant(Protocol):
    def inspect(self, key: str, mime_type: str, size: int) -> Answer:
        """From what the event tells of an object to the answer."""
        ...


class Ours:
    """The function's own engine, over the bucket as the function reads it."""

    def __init__(self, endpoint_url: str, tools: Path) -> None:
        # All that the deployed function has in memory; the other variants must not have it.
        import functions.inspect_upload.app  # noqa: F401
        from attachments.storage import Storage
        from attachments.wiring import PATIENT, SIGV4
        from functions.inspect_upload.sandbox import Sandbox

        client: S3Client = boto3.client(
            "s3", endpoint_url=endpoint_url, config=PATIENT.merge(SIGV4)
        )
        self._storage = Storage(client, bucket=BUCKET)
        self._sandbox = Sandbox(tools)

    def inspect(self, key: str, mime_type: str, size: int) -> Answer:
        from attachments.model import ObjectVersion
        from functions.inspect_upload.findings import Accepted, Declared
        from functions.inspect_upload.inspectors import examine
        from functions.inspect_upload.object_reader import StoredObjectReader

        version = ObjectVersion(VERSION_ID, etag="", size=size)
        reader = StoredObjectReader(self._storage, key, version)
        declared = Declared(key, mime_type, video_only=True)
        finding = examine(reader, declared, sandbox=self._sandbox)
        if not isinstance(finding, Accepted):
            raise RuntimeError(finding.reason)
        media, picture = finding.media, finding.picture
        jpeg = picture.jpeg if picture else b""
        return Answer(media.codec, media.width, media.height, media.duration_ms, jpeg)


class Download:
    """Download the object with boto3's defaults, then run both programs on the file."""

    def __init__(self, endpoint_url: str, tools: Path) -> None:
        self._client: S3Client = boto3.client("s3", endpoint_url=endpoint_url)
        self._tools = tools

    def inspect(self, key: str, mime_type: str, size: int) -> Answer:  # noqa: ARG002 - protocol
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/video"
            self._client.download_file(BUCKET, key, path)
            found = self._probe(path)
            jpeg = self._thumbnail(path)
        video = next(s for s in found["streams"] if s["codec_type"] == "video")
        duration_ms = round(float(found["format"]["duration"]) * 1000)
        return Answer(video["codec_name"], video["width"], video["height"], duration_ms, jpeg)

    def _probe(self, path: str) -> Any:
        options = ("-print_format", "json", "-show_format", "-show_streams")
        return json.loads(self._run("ffprobe", "-v", "fatal", *options, path))

    def _thumbnail(self, path: str) -> bytes:
        seek = ("-nostdin", "-v", "fatal", "-ss", "1", "-i", path)
        shape = ("-frames:v", "1", "-vf", "scale=320:-2", "-pix_fmt", "yuvj420p", "-q:v", "3")
        return self._run("ffmpeg", *seek, *shape, "-c:v", "mjpeg", "-f", "image2pipe", "pipe:1")

    def _run(self, program: str, *arguments: str) -> bytes:
        command = [str(self._tools / program), *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def build(name: str, endpoint_url: str, tools: Path) -> Variant:
    variant = Ours if name == OURS else Download
    return variant(endpoint_url, tools)
