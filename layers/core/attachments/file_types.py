"""Which files there are: the six video formats, and what a declared type makes of a file."""

import re
import unicodedata

from attachments.errors import InvalidRequestError, UnsupportedTypeError
from attachments.model import FileType

VIDEO_FORMATS = "MP4, WebM, OGG, MOV, AVI or MKV"
VIDEO_EXTENSIONS = frozenset({"mp4", "webm", "ogg", "ogv", "mov", "avi", "mkv"})
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
# What a browser may show in place: nothing in these can run a script (OWASP ASVS 5.0, chapter V5).
INLINE_MIME_TYPES = frozenset(
    {
        *VIDEO_MIME_TYPES,
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/opus",
        "audio/wav",
        "audio/x-wav",
        "audio/flac",
        "audio/aac",
        "audio/webm",
    }
)
MAX_NAME_CHARACTERS = 255

# White space of any kind and dots, where a name begins or ends.
_EDGES = re.compile(r"\A[\s.]+|[\s.]+\Z")
# RFC 6838, section 4.2: restricted-name.
_MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")


def mime_essence(text: str) -> str:
    """`type/subtype` in lower case, without parameters. Raises InvalidRequestError."""
    essence = text.partition(";")[0].strip().lower()
    if not _MIME_TYPE.fullmatch(essence):
        problem = "This is not a MIME type such as video/mp4."
        raise InvalidRequestError(problem, fields={"mime_type": problem})
    return essence


def clean_file_name(text: str) -> str:
    """A name that is safe to show: no folders, no control, invisible or direction characters.

    Raises InvalidRequestError if nothing is left or it is too long.
    """
    name = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    name = _EDGES.sub("", name)
    if not name:
        problem = "The file needs a name."
        raise InvalidRequestError(problem, fields={"file_name": problem})
    if len(name) > MAX_NAME_CHARACTERS:
        problem = f"The name is longer than {MAX_NAME_CHARACTERS} characters."
        raise InvalidRequestError(problem, fields={"file_name": problem})
    return name


def require_video(file_name: str, mime_type: str) -> None:
    """Raises UnsupportedTypeError unless both name and type are those of a video format."""
    fields = {}
    if file_name.rpartition(".")[2].lower() not in VIDEO_EXTENSIONS or "." not in file_name:
        fields["file_name"] = "The extension is not that of a video format."
    if mime_type not in VIDEO_MIME_TYPES:
        fields["mime_type"] = "The type is not that of a video format."
    if fields:
        raise UnsupportedTypeError(f"Videos can be {VIDEO_FORMATS}.", fields=fields)


def type_of(mime_type: str) -> FileType:
    """The file type of a MIME type."""
    family = mime_type.partition("/")[0]
    if family in {FileType.VIDEO, FileType.IMAGE, FileType.AUDIO}:
        return FileType(family)
    if mime_type in DOCUMENT_MIME_TYPES or mime_type.startswith(DOCUMENT_PREFIXES):
        return FileType.DOCUMENT
    return FileType.OTHER
