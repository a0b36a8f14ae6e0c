"""The functions' environment."""

import pytest

from attachments.settings import read_settings
from tests.builders import settings_of


def test_each_missing_or_wrong_variable_is_named() -> None:
    whole = {name.upper(): str(value) for name, value in settings_of().model_dump().items()}
    assert read_settings({**whole, "PATH": "/bin"}) == settings_of()
    del whole["BUCKET"]
    whole["UPLOAD_URL_SECONDS"] = "3601"
    with pytest.raises(ValueError, match="bucket") as refused:
        read_settings(whole)
    assert "upload_url_seconds" in str(refused.value)
