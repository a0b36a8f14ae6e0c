"""What S3 tells through the queue, and what is passed over."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from attachments.ids import new_id
from attachments.model import ObjectVersion
from functions.inspect_upload.events import ObjectCreated, objects_created

ID = "0192f000-0000-7000-8000-0000000000aa"
AT = datetime(2024, 5, 17, 12, 0, 1, tzinfo=UTC)


def record(**changes: Any) -> dict[str, Any]:
    """A record as S3 sends it (S3 guide, "Event message structure")."""
    stored = {"key": f"uploads/{ID}", "size": 7, "eTag": "e", "versionId": "v1", "sequencer": "00A"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": changes.pop("eventTime", "2024-05-17T12:00:01.000Z"),
        "eventName": changes.pop("eventName", "ObjectCreated:Put"),
        "s3": {
            "bucket": {"name": changes.pop("bucket", "memory")},
            "object": {name: value for name, value in {**stored, **changes}.items() if value},
        },
    }


def found(*records: Any) -> list[ObjectCreated]:
    return objects_created(json.dumps({"Records": list(records)}), bucket="memory")


def test_a_new_upload_is_found_with_its_version_and_time() -> None:
    assert found(record()) == [ObjectCreated(ID, ObjectVersion("v1", "e", 7), AT, "00A")]


@pytest.mark.parametrize(
    "name",
    ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"],
)
def test_every_way_of_creation_counts(name: str) -> None:
    assert len(found(record(eventName=name))) == 1


def test_a_message_may_tell_of_several_uploads() -> None:
    other = new_id()
    told = found(record(), record(key="thumbnails/x/t.jpg"), record(key=f"uploads/{other}"))
    assert [created.attachment_id for created in told] == [ID, other]


@pytest.mark.parametrize("sequencer", [None, "", 7, "no number", "F" * 65, "-1", "0x1"])
def test_a_sequencer_may_be_missing_or_none(sequencer: Any) -> None:
    [created] = found(record(sequencer=sequencer))
    assert created.version == ObjectVersion("v1", "e", 7)
    assert created.sequencer is None


@pytest.mark.parametrize(
    ("sequencer", "newest", "older"),
    [
        ("00A", "00B", True),
        ("00B", "00A", False),
        ("00A", "00A", False),
        ("F", "10", True),  # as text it would be the other way round
        ("00000000000000000F", "10", True),
        ("0f", "F0", True),
        ("00A", None, False),
        (None, "00A", False),
        (None, None, False),
    ],
)
def test_events_of_a_key_are_ordered_by_their_sequencers_as_hexadecimal_numbers(
    sequencer: str | None, newest: str | None, older: bool
) -> None:
    assert ObjectCreated(ID, None, AT, sequencer).older_than(newest) is older


@pytest.mark.parametrize("missing", ["versionId", "eTag", "size"])
def test_a_version_is_known_wholly_or_not_at_all(missing: str) -> None:
    [created] = found(record(**{missing: None}))
    assert created.version is None


def test_a_key_is_decoded_once() -> None:
    assert len(found(record(key=f"uploads%2F{ID}"))) == 1
    assert found(record(key=f"uploads%252F{ID}")) == []


@pytest.mark.parametrize(
    "key",
    [
        "uploads/a+b%20%C3%A9",
        "uploads/",
        "uploads",
        f"thumbnails/{ID}",
        f"uploads/{ID}/part",
        f"uploads/../uploads/{ID}",
        f"uploads/{ID.upper()}",
        f"uploads/{{{ID}}}",
        f"uploads/urn:uuid:{ID}",
        f"uploads/{ID.replace('-', '')}",
        f"uploads/{ID}%00",
        f" uploads/{ID}",
        f"UPLOADS/{ID}",
    ],
)
def test_a_key_that_is_no_attachments_is_passed_over(key: str) -> None:
    assert found(record(key=key)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "somebody-elses"},
        {"eventName": "ObjectRemoved:Delete"},
        {"eventName": "ObjectRestore:Completed"},
        {"eventName": "ObjectCreatedLater:Put"},
    ],
)
def test_other_events_and_buckets_are_passed_over(change: dict[str, str]) -> None:
    assert found(record(**change)) == []


@pytest.mark.parametrize(
    "body",
    [
        '{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2024-05-17T12:00:00.000Z",'
        '"Bucket":"memory","RequestId":"r","HostId":"h"}',
        "{}",
        '{"Records": []}',
        '{"Records": null}',
        '{"Records": 7}',
        '{"Records": {"0": {}}}',
        '{"Records": [null, 7, "x", [], {}]}',
        '{"Records": [{"eventName": null}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": 7}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "memory"},'
        ' "object": {"key": 7}}}]}',
        '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "memory"},'
        ' "object": ["key"]}}]}',
        "[]",
        "null",
        "7",
        "no JSON",
        "",
        "[" * 100_000,
    ],
)
def test_what_is_no_event_is_passed_over(body: str) -> None:
    assert objects_created(body, bucket="memory") == []


@pytest.mark.parametrize("time", ["yesterday", 7, None, "2024-05-17T12:00:01"])
def test_an_event_without_a_proper_time_still_counts(time: Any) -> None:
    [created] = found(record(eventTime=time))
    assert created.at.tzinfo is not None
