"""What a check is, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from deployment.stacks import Stack


class WrongError(Exception):
    """Something is wrong: `says` is what, and `todo` what to do about it; both are sentences."""

    def __init__(self, says: str, todo: str) -> None:
        super().__init__(says)
        self.says, self.todo = says, todo


class CouldNotLookError(Exception):
    """The check could not be made; the message says why."""


class State(StrEnum):
    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "could not look"


@dataclass(frozen=True, slots=True)
class Check:
    """`look` says in a few words what it found, or raises WrongError, CouldNotLookError, or what
    the SDK raises. `section` is where docs/troubleshooting.md says more."""

    name: str
    look: Callable[[Stack], str]
    section: str


@dataclass(frozen=True, slots=True)
class Verdict:
    check: Check
    state: State
    says: str
    todo: str = ""
