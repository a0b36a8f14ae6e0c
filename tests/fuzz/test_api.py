"""A fixed slice of the fuzzing of the API; more of it is `python -m tests.soak.api`."""

import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup

from tests.conformance import committed
from tests.fuzz.calls import CALLERS, CHECKS, Fuzz
from tests.stack.client import Stack


@pytest.mark.timeout(600)  # of which an idle machine needs a tenth
def test_no_request_surprises_the_api(stack: Stack) -> None:
    fuzz = Fuzz(stack, examples=1)
    fuzz.run()
    assert fuzz.wrong == {}
    operations = sum(len(item) for item in committed()["paths"].values())
    assert fuzz.calls >= operations * len(CALLERS) * 2
    # It gets behind the doors: most kinds of answers that there are.
    assert set(fuzz.statuses) >= {200, 401, 403, 404, 422}


def test_what_is_not_documented_would_be_noticed(stack: Stack) -> None:
    document = committed()
    paths = {"/api/chat/attachments/": {"get": {"responses": {"418": {"description": "tea"}}}}}
    schema = schemathesis.openapi.from_dict({**document, "paths": paths})
    case = schema["/api/chat/attachments/"]["GET"].Case()
    response = case.call(base_url=stack.api)
    with pytest.raises(FailureGroup, match="Undocumented status code"):
        case.validate_response(response, checks=CHECKS)
