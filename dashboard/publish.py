"""Put the built dashboard into the bucket of a deployed stack.

    python -m dashboard.publish --stage dev --folder FOLDER

The page comes last: whoever loads it finds everything that it names. Files of earlier builds stay,
for pages that are open.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployment import stacks

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
LASTING = "public, max-age=31536000, immutable"  # a hash of the content is in the name
FRESH = "no-cache"


class PublishError(Exception):
    """The dashboard cannot be published; the message says what to do."""


def main() -> int:
    names = stacks.stages()
    parser = argparse.ArgumentParser(description="Publish the dashboard.")
    parser.add_argument("--stage", required=True, choices=sorted(names), help="of samconfig.toml")
    parser.add_argument("--folder", required=True, type=Path, help="the built files")
    arguments = parser.parse_args()
    try:
        outputs = outputs_of(names[arguments.stage])
        publish(arguments.folder, outputs, boto3.client("s3"))
    except (PublishError, stacks.UnknownStackError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The dashboard is at {outputs['DashboardUrl']}; it belongs to the AllowedOrigins.")
    return 0


def outputs_of(stack: str) -> Mapping[str, str]:
    """Outputs of a stack that has a dashboard. Raises PublishError and UnknownStackError."""
    outputs = stacks.of(stack).outputs
    if "DashboardBucket" not in outputs:
        raise PublishError(
            f'{stack} has no dashboard: make deploy PARAMETERS="Dashboard=yes" adds one.'
        )
    return outputs


def publish(folder: Path, outputs: Mapping[str, str], s3: "S3Client") -> None:
    """Raises PublishError for a folder without a page, or with a file of no known type."""
    for name, content, media_type, caching in list(files_of(folder, outputs["ApiUrl"])):
        s3.put_object(
            Bucket=outputs["DashboardBucket"],
            Key=name,
            Body=content,
            ContentType=media_type,
            CacheControl=caching,
        )


def files_of(folder: Path, api: str) -> Iterator[tuple[str, bytes, str, str]]:
    """Name, content, type and caching of each file, the page itself last. Raises PublishError."""
    page = folder / "index.html"
    if not page.is_file():
        raise PublishError(f"{folder} has no index.html: `make dashboard` prints the right folder.")
    yield "config.json", json.dumps({"api": api}).encode(), "application/json", FRESH
    for path in sorted(folder.rglob("*"), key=lambda path: path == page):
        if path.is_dir():
            continue
        if path.suffix not in TYPES:
            raise PublishError(f"{path.name} is of no type that a page has.")
        lasting = path.parent.name == "assets"
        name = path.relative_to(folder).as_posix()
        yield name, path.read_bytes(), TYPES[path.suffix], LASTING if lasting else FRESH


if __name__ == "__main__":
    sys.exit(main())
