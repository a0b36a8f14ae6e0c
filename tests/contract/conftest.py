"""The stores under test: those in memory, and the real ones on what the template declares.

Tests share both for the whole run, so each works with ids and days of its own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.counters import Counters
from attachments.guards import Guards
from attachments.ids import new_id
from attachments.model import Message, ObjectVersion
from attachments.storage import Storage
from attachments.users import Users
from attachments.wiring import SIGV4
from local.provision import Stack, provision
from local.template import REGION, load, transform
from tests.builders import ACTIVITY_LIFE, SENDER
from tests.fakes import (
    MemoryActivity,
    MemoryCatalog,
    MemoryChat,
    MemoryCounters,
    MemoryGuards,
    MemoryStorage,
    MemoryUsers,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_DAYS = count()


@dataclass(frozen=True)
class Stores:
    """One set of stores, and what the world outside does to the bucket.

    `arrive` is a client's PUT, `cover` a delete that names no version, `begin` the beginning of an
    upload in parts, and `begun` lists the ids of those to a key.
    """

    chat: Chat
    users: Users
    activity: ActivityLog
    guards: Guards
    counters: Counters
    catalog: Catalog
    storage: Storage
    arrive: Callable[[str, bytes], ObjectVersion]
    cover: Callable[[str], None]
    begin: Callable[[str], str]
    begun: Callable[[str], list[str]]

    def message(self) -> Message:
        """A new message in a new conversation."""
        message = Message(
            id=new_id(), conversation_id=new_id(), sender_id=SENDER.user_id, version=1
        )
        assert self.chat.put_conversation(message.conversation_id, [SENDER.user_id], 1)
        assert self.chat.put_message(message)
        return message


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """A moto server that answers one request at a time.

    Its transactions are not isolated: one that fails puts whole tables back as it found them, and
    with them what others wrote meanwhile.
    """
    moto = DomainDispatcherApplication(create_backend_app)
    turn = threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> list[bytes]:
        with turn:
            return list(moto(environ, start_response))

    server = make_server(
        "127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=MotoRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def stack(moto: str) -> Stack:
    """What the template declares, created in moto."""
    return provision(transform(load(TEMPLATE)), {}, endpoint=moto)


@pytest.fixture(scope="session")
def dynamodb(moto: str) -> Iterator["DynamoDBClient"]:
    """A client that takes and gives Python values, as the functions have it."""
    config = Config(max_pool_connections=20)
    resource: Any = _session().resource("dynamodb", endpoint_url=moto, config=config)
    with closing(resource.meta.client) as client:
        yield client


@pytest.fixture(scope="session")
def s3(moto: str) -> Iterator["S3Client"]:
    config = Config(max_pool_connections=20).merge(SIGV4)
    with closing(_session().client("s3", endpoint_url=moto, config=config)) as client:
        yield client


@dataclass
class Clock:
    """The stores' clock: each test sets it to its own noon."""

    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def aws_stores(stack: Stack, dynamodb: "DynamoDBClient", s3: "S3Client", clock: Clock) -> Stores:
    names = stack.names
    chat = Chat(dynamodb, names["Chat"])
    activity = ActivityLog(dynamodb, names["Activity"], keep=ACTIVITY_LIFE, clock=clock)
    guards = Guards(dynamodb, names["Guards"])
    users = Users(dynamodb, names["Chat"])
    catalog = Catalog(
        dynamodb,
        names["Attachments"],
        chat=chat,
        users=users,
        activity=activity,
        guards=guards,
        clock=clock,
    )
    storage = Storage(s3, bucket=names["Files"])

    def arrive(key: str, body: bytes) -> ObjectVersion:
        s3.put_object(Bucket=storage.bucket, Key=key, Body=body)
        return storage.head(key)

    def cover(key: str) -> None:
        s3.delete_object(Bucket=storage.bucket, Key=key)

    def begin(key: str) -> str:
        return s3.create_multipart_upload(Bucket=storage.bucket, Key=key)["UploadId"]

    def begun(key: str) -> list[str]:
        answer = s3.list_multipart_uploads(Bucket=storage.bucket)
        return [found["UploadId"] for found in answer.get("Uploads", []) if found["Key"] == key]

    counters = Counters(dynamodb, names["Counters"])
    return Stores(
        chat, users, activity, guards, counters, catalog, storage, arrive, cover, begin, begun
    )


@pytest.fixture(scope="session")
def memory_stores(clock: Clock) -> Stores:
    chat, activity, guards = MemoryChat(), MemoryActivity(clock), MemoryGuards()
    catalog = MemoryCatalog(chat, activity, guards, clock)
    users, storage = MemoryUsers(chat), MemoryStorage()
    return Stores(
        chat,
        users,
        activity,
        guards,
        MemoryCounters(),
        catalog,
        storage,
        storage.arrive,
        storage.cover,
        storage.begin,
        storage.begun,
    )


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    stores: Stores = request.getfixturevalue(f"{request.param}_stores")
    return stores


@pytest.fixture
def noon(clock: Clock) -> datetime:
    """Noon of a day that is this test's own, with half a year around it; the clock says so too."""
    clock.now = datetime(2000, 7, 1, 12, tzinfo=UTC) + timedelta(days=366 * next(_DAYS))
    return clock.now


def _session() -> boto3.Session:
    return boto3.Session(
        region_name=REGION, aws_access_key_id="contract", aws_secret_access_key="contract"
    )
