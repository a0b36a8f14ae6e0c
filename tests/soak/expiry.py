"""What DynamoDB's time to live does, in a hurry: an item with a TTL is gone two minutes later."""

import time
from typing import TYPE_CHECKING, Any

from tests.stack.client import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LIFE_S = 120.0
KEYS = {"attachments": ("id",), "activity": ("attachment_id", "sort"), "guards": ("pk",)}


class Expiry:
    """Removes what it has seen for `LIFE_S`; records that are pending or ready have no TTL."""

    def __init__(self, stack: Stack) -> None:
        self._tables = {stack.description["tables"][name]: keys for name, keys in KEYS.items()}
        self._since: dict[tuple[str, ...], float] = {}
        resource: Any = stack.session.resource("dynamodb", endpoint_url=stack.endpoint_url)
        self._client: DynamoDBClient = resource.meta.client

    def pass_by(self) -> None:
        """Look at every item once."""
        now = time.monotonic()
        for table, keys in self._tables.items():
            pages = self._client.get_paginator("scan").paginate(TableName=table)
            for item in (item for page in pages for item in page["Items"] if "ttl" in item):
                name = (table, *(str(item[key]) for key in keys))
                if now - self._since.setdefault(name, now) > LIFE_S:
                    self._client.delete_item(TableName=table, Key={key: item[key] for key in keys})
                    del self._since[name]
