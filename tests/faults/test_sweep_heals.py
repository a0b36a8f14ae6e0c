"""Every leftover is brought to its end, or said, by one sweep after its time; nothing else goes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from attachments import metrics, wiring
from attachments.errors import NotReadyError
from attachments.ids import new_id
from attachments.model import Status
from functions.sweep.bucket_walk import GRACE
from functions.sweep.drift import publish
from functions.sweep.sweep import Swept
from tests.builders import ADMIN, VIDEO
from tests.faults import calls
from tests.faults.boundaries import Fault
from tests.faults.cloud import Cloud, cloud
from tests.faults.failing import actions, failing
from tests.faults.scene import Context, Scene

PAST_ALL_DEADLINES = timedelta(hours=3)


@pytest.fixture(scope="module")
def made() -> Iterator[Cloud]:
    with cloud("heals") as made:
        yield made


@pytest.fixture
def scene(made: Cloud, at_once: None) -> Scene:
    """A conversation and its message, now: the bucket knows no other time."""
    scene = Scene(made)
    scene.begin_anew()
    made.clock.now = datetime.now(UTC).replace(microsecond=0)
    return scene


def put(scene: Scene, key: str) -> None:
    scene.cloud.s3.put_object(Bucket=scene.cloud.settings.bucket, Key=key, Body=b"bytes")


def keys(scene: Scene) -> set[str]:
    return {version["Key"] for version in scene.cloud.versions("")}


def test_a_url_that_was_never_used_expires(scene: Scene) -> None:
    attachment = scene.pending()
    assert calls.sweep()["expired"] == 0
    scene.cloud.clock.pass_time(PAST_ALL_DEADLINES)
    assert calls.sweep()["expired"] == 1
    assert wiring.catalog().get(attachment.id).status is Status.EXPIRED


def test_an_object_and_a_thumbnail_without_a_record_are_removed(scene: Scene) -> None:
    put(scene, f"uploads/{new_id()}")
    put(scene, f"thumbnails/{new_id()}/t.jpg")
    ready = scene.ready()
    kept = keys(scene)
    assert calls.sweep()["uploads_removed"] == 0
    assert keys(scene) == kept
    scene.cloud.clock.pass_time(GRACE + timedelta(minutes=1))
    swept = calls.sweep()
    assert (swept["uploads_removed"], swept["thumbnails_removed"]) == (1, 1)
    assert ready.thumbnail is not None
    assert keys(scene) == {ready.upload_key, ready.thumbnail.key}


def test_a_ready_record_whose_bytes_vanished_is_said_and_not_handed_out(scene: Scene) -> None:
    ready = scene.ready()
    assert ready.version is not None
    wiring.storage().delete_version(ready.upload_key, ready.version.version_id)
    assert calls.sweep()["bytes_missing"] == 1
    view = scene.serving().get(ready.id).view
    assert (view.status, view.reason) == (
        Status.READY,
        "The bytes of this file are missing from the store.",
    )
    with pytest.raises(NotReadyError, match="missing"):
        scene.download(ready)()


def test_an_upload_in_parts_that_was_begun_and_left_is_aborted(scene: Scene) -> None:
    bucket, attachment = scene.cloud.settings.bucket, scene.pending()
    scene.cloud.s3.create_multipart_upload(Bucket=bucket, Key=attachment.upload_key)
    calls.sweep()
    assert scene.cloud.s3.list_multipart_uploads(Bucket=bucket).get("Uploads")
    scene.cloud.clock.pass_time(PAST_ALL_DEADLINES)
    calls.sweep()
    assert not scene.cloud.s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_nothing_is_taken_from_a_slow_upload_or_from_what_waits_for_a_redrive(
    scene: Scene,
) -> None:
    slow, failed = scene.pending(1, body=VIDEO), scene.pending(2, body=VIDEO)
    wiring.catalog().change(failed.failed(reason="No."), None)
    kept = keys(scene)
    for hours in (1.5, 24, 24 * 30):
        scene.cloud.clock.pass_time(timedelta(hours=hours))
        calls.sweep()
        assert keys(scene) == kept
    assert wiring.catalog().get(slow.id).status is Status.FAILED  # its inspection never ended


def test_a_sweep_without_time_changes_nothing_and_the_next_heals(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.pending()
    put(scene, f"uploads/{new_id()}")
    scene.cloud.clock.pass_time(PAST_ALL_DEADLINES)
    with monkeypatch.context() as late:
        late.setattr(Context, "get_remaining_time_in_millis", staticmethod(lambda: 1000))
        swept = calls.sweep()
    assert (swept["expired"], swept["uploads_removed"]) == (0, 0)
    swept = calls.sweep()
    assert (swept["expired"], swept["uploads_removed"]) == (1, 1)


def test_what_a_pass_found_becomes_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(metrics.NAMESPACE, "a-stack")
    publish(Swept(uploads_removed=2, thumbnails_removed=1, bytes_missing=4))
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["LeftoversRemoved"] == [3.0]
    assert told["BytesMissing"] == [4.0]
    [described] = told["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "a-stack"
    assert len(described["Metrics"]) == 9


# ---------------------------------------------------------------- the activity log fails closed


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.FAILED])
def test_no_url_is_handed_out_that_is_not_in_the_log(scene: Scene, fault: Fault) -> None:
    ready = scene.ready()
    before = actions(ready)
    with failing(fault, "PutItem"), pytest.raises(ClientError):
        scene.download(ready)()
    assert actions(ready) == before
    assert scene.download(ready)().url
    assert len(actions(ready)) == len(before) + 1


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.FAILED])
def test_an_admins_deletion_that_cannot_be_logged_does_not_happen(
    scene: Scene, fault: Fault
) -> None:
    ready = scene.ready()
    with failing(fault, "TransactWriteItems"), pytest.raises(ClientError):
        scene.delete(ready, ADMIN)()
    assert wiring.catalog().get(ready.id) == ready
