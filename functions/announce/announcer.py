"""Puts events on the bus (EventBridge API reference, "PutEvents")."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from attachments import metrics
from functions.announce.announcements import SOURCE, Announcement, announcement_of
from functions.announce.changes import Change

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

logger = Logger(child=True)
ENTRIES = 10  # the most that one PutEvents takes


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells the bus what became of attachments."""

    client: "EventBridgeClient"
    bus: str

    def announce(self, changes: Sequence[Change]) -> set[str]:
        """Tell of all changes that there is something to tell of, in their order.

        Gives the sequence numbers of those that the bus did not take. Raises ClientError when it
        takes none.
        """
        told = ((change, announcement_of(change)) for change in changes)
        waiting = iter([(change, event) for change, event in told if event is not None])
        failed: set[str] = set()
        while chunk := list(islice(waiting, ENTRIES)):
            failed.update(self._put(chunk))
        return failed

    def _put(self, chunk: list[tuple[Change, Announcement]]) -> Iterator[str]:
        entries = [self._entry(change, event) for change, event in chunk]
        answer = self.client.put_events(Entries=entries)
        for (change, event), entry in zip(chunk, answer["Entries"], strict=True):
            about: dict[str, Any] = {"attachment_id": event.data.id, "event": event.type}
            if "ErrorCode" in entry:
                logger.warning("not announced", error=entry["ErrorCode"], **about)
                yield change.sequence_number
            else:
                logger.info("announced", event_id=str(event.id), **about)
        failed = sum("ErrorCode" in entry for entry in answer["Entries"])
        counts = {"EventsAnnounced": len(chunk) - failed, "AnnounceFailures": failed}
        metrics.publish("announce", counts=counts)

    def _entry(self, change: Change, event: Announcement) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.bus,
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": event.model_dump_json(),
            "Time": change.at,
        }
