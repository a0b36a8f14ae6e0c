"""One contract for the stores in memory and the real ones.

The real ones run on moto, which is lenient where AWS is not. moto does not (and who proves it):

    check signatures
        contract/gate/test_uploads.py  test_an_altered_url_is_refused
    refuse a URL that has expired
        stack/test_signed_requests.py  test_an_expired_url_is_refused
    hold a body to its signed length and type
        contract/gate/test_uploads.py  test_an_upload_other_than_signed_is_refused
    hold a body to its checksum
        contract/gate/test_bodies.py   test_a_body_must_have_the_digest_that_its_headers_say
    refuse headers that nobody signed
        contract/gate/test_uploads.py  test_an_unsigned_amz_header_is_refused
    apply CORS rules
        contract/gate/test_cors.py     test_nobody_else_may_ask
        stack/test_cors.py             test_a_foreign_page_may_not_upload_to_the_bucket
    honour ClientRequestToken: a replayed transaction is applied twice
        contract/test_catalog.py       test_a_replayed_transaction_finds_its_own_revision_taken
    refuse a copy to where an object is
        contract/gate/test_reads.py    test_a_copy_takes_no_place_that_is_taken
    isolate transactions, or report a conflict of two (here it serves one request at a time)
        unit/test_dynamo.py            test_a_transaction_that_meets_another_is_tried_again
    remove items at the end of their TTL, and AWS does so only within days
        contract/test_idempotency.py   test_an_idempotency_key_ends_with_its_life
        contract/test_deadlines.py     test_what_expires_carries_its_ttl
        contract/test_deadlines.py     test_a_stored_record_past_its_ttl_is_absent
        contract/test_activity.py      test_a_stored_entry_past_its_ttl_is_absent
    delay its indexes
        contract/test_lists.py         test_an_index_that_lags_shows_nothing_old
        contract/test_lists.py         test_a_list_of_one_type_shows_no_other_however_its_index_lags
    refuse an empty string as a key
        unit/test_http_bodies.py       test_every_wrong_field_of_a_query_is_named
"""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.guards import Guards
from attachments.ids import rfc3339
from attachments.model import FileType
from attachments.settings import read_settings
from attachments.storage import Storage
from attachments.users import Users
from local.provision import Stack
from tests.contract.conftest import Stores
from tests.contract.records import attached, create
from tests.fakes import (
    MemoryActivity,
    MemoryCatalog,
    MemoryChat,
    MemoryGuards,
    MemoryStorage,
    MemoryUsers,
)

# ---------------------------------------------------------------- the suite itself


def test_the_table_above_names_tests_that_exist() -> None:
    tests = Path(__file__).parents[1]
    named = re.findall(r"^ {8}(\S+\.py) +(test_\w+)$", __doc__ or "", re.MULTILINE)
    assert len(named) >= 10
    for file, test in named:
        assert f"def {test}(" in (tests / file).read_text(), test


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (MemoryCatalog, Catalog),
        (MemoryChat, Chat),
        (MemoryActivity, ActivityLog),
        (MemoryGuards, Guards),
        (MemoryUsers, Users),
        (MemoryStorage, Storage),
    ],
)
def test_a_fake_brings_every_public_method_itself(fake: type, real: type) -> None:
    inherited = {
        name
        for name, member in vars(real).items()
        if not name.startswith("_") and callable(member) and name not in vars(fake)
    }
    shared_on_purpose = {"read"} if real is ActivityLog else set()  # static: reads an item
    assert inherited <= shared_on_purpose


# ---------------------------------------------------------------- what the template says


def test_the_templates_environment_makes_settings(stack: Stack) -> None:
    for function in stack.functions:
        settings = read_settings(dict(function.environment))
        assert settings.bucket == stack.names["Files"]
        assert settings.guards_table == stack.names["Guards"]
        assert settings.max_bytes(FileType.VIDEO) == 100 * 1024 * 1024
        assert settings.token_secret_arn


def test_positions_sort_as_time_does(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    at = noon + timedelta(milliseconds=5)
    create(stores, attached(message, at))
    [item] = stores.chat.attachments_of(message.id)
    assert item["sort"] == f"{rfc3339(at)}#{item['id']}"
