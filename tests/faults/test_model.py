"""Whatever users, events and time do, everyone sees what a small model of the service says.

The same examples each time; `python -m tests.soak.model` tries many others.
"""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.cloud import cloud
from tests.faults.machine import Service


def test_the_api_shows_what_the_model_shows() -> None:
    with cloud("model") as made:

        class Machine(Service):
            cloud = made

        some = settings(max_examples=6, stateful_step_count=14, derandomize=True, deadline=None)
        run_state_machine_as_test(Machine, settings=some)
