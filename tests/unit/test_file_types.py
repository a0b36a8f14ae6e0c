"""Which types there are, and what is said of a file that is too large."""

import pytest

from attachments.file_types import too_large, type_of
from attachments.model import FileType
from attachments.settings import MEGABYTE as MB


@pytest.mark.parametrize(
    ("mime_type", "file_type"),
    [
        ("video/x-flv", FileType.VIDEO),
        ("image/svg+xml", FileType.IMAGE),
        ("audio/ogg", FileType.AUDIO),
        ("application/pdf", FileType.DOCUMENT),
        ("application/vnd.oasis.opendocument.text", FileType.DOCUMENT),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",
         FileType.DOCUMENT),
        ("text/plain", FileType.DOCUMENT),
        ("text/html", FileType.OTHER),
        ("application/zip", FileType.OTHER),
        ("document/x", FileType.OTHER),
        ("other/x", FileType.OTHER),
    ],
)  # fmt: skip
def test_a_type_belongs_to_a_family(mime_type: str, file_type: FileType) -> None:
    assert type_of(mime_type) is file_type


@pytest.mark.parametrize(
    ("file_type", "words"),
    [
        (FileType.VIDEO, "A video may have at most 7 MB."),
        (FileType.IMAGE, "An image may have at most 7 MB."),
        (FileType.AUDIO, "An audio file may have at most 7 MB."),
        (FileType.DOCUMENT, "A document may have at most 7 MB."),
        (FileType.OTHER, "A file of this type may have at most 7 MB."),
    ],
)
def test_a_limit_is_said_in_one_sentence(file_type: FileType, words: str) -> None:
    assert too_large(file_type, 7 * MB) == words
