"""Counts each change of a record for the usage report."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from attachments.counters import Counters
from functions.announce.changes import Change

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Counting:
    """A change that was counted before counts for nothing."""

    counters: Counters

    def count(self, changes: Sequence[Change]) -> set[str]:
        """The sequence numbers of changes that could not be counted; what follows one waits."""
        generations = self.counters.generations()
        for change in changes:
            try:
                for generation in generations:
                    self._count(generation, change)
            except Exception:
                logger.exception("a change was not counted", sequence_number=change.sequence_number)
                return {change.sequence_number}
        return set()

    def _count(self, generation: int, change: Change) -> None:
        if change.new is not None:
            self.counters.count(generation, change.new, change.at)
        elif change.old is not None:
            self.counters.forget(generation, change.old.id, change.at)
