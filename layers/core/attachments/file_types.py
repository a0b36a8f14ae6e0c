"""Which files there are, by MIME type, and what to say of one that is too large."""

from attachments.model import FileType
from attachments.settings import MEGABYTE

VIDEO_MIME_TYPES = frozenset(
    {
        "video/mp4",
        "video/webm",
        "video/ogg",
        "video/quicktime",
        "video/x-msvideo",
        "video/avi",
        "video/msvideo",
        "video/x-matroska",
        "video/matroska",
    }
)
DOCUMENT_MIME_TYPES = frozenset(
    {
        "application/pdf",
        "application/rtf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/epub+zip",
        "text/plain",
        "text/csv",
        "text/markdown",
    }
)
DOCUMENT_PREFIXES = (
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
)
_ONE = {
    FileType.VIDEO: "A video",
    FileType.IMAGE: "An image",
    FileType.AUDIO: "An audio file",
    FileType.DOCUMENT: "A document",
    FileType.OTHER: "A file of this type",
}


def type_of(mime_type: str) -> FileType:
    """The file type of a MIME type."""
    family = mime_type.partition("/")[0]
    if family in {FileType.VIDEO, FileType.IMAGE, FileType.AUDIO}:
        return FileType(family)
    if mime_type in DOCUMENT_MIME_TYPES or mime_type.startswith(DOCUMENT_PREFIXES):
        return FileType.DOCUMENT
    return FileType.OTHER


def too_large(file_type: FileType, max_bytes: int) -> str:
    """What to say of a file that is larger than the largest of its type."""
    return f"{_ONE[file_type]} may have at most {max_bytes // MEGABYTE} MB."
