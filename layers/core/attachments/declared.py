"""What a client declares of a file: its name and type, checked and made safe."""

import re
import unicodedata

from attachments.errors import InvalidRequestError, UnsupportedTypeError
from attachments.file_types import VIDEO_MIME_TYPES

VIDEO_FORMATS = "MP4, WebM, OGG, MOV, AVI or MKV"
VIDEO_EXTENSIONS = frozenset({"mp4", "webm", "ogg", "ogv", "mov", "avi", "mkv"})
MAX_NAME_BYTES = 255  # three times that fits into a signed URL

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
    if len(name.encode()) > MAX_NAME_BYTES:
        problem = f"The name is longer than {MAX_NAME_BYTES} bytes of UTF-8."
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
