"""Files of which no more is known than their type and size: the end of the list."""

import re

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted, Finding
from functions.inspect_upload.sniff import UNKNOWN, Kind, Sniffed
from functions.inspect_upload.subject import Subject

OCTETS = "application/octet-stream"
MIME_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")

# What a browser or a player would act on needs bytes that prove it.
CLAIMS_NOT_TAKEN = re.compile(
    r"(video|audio|image|text|font|multipart|message)/"
    r"|.*(html|xml|script|json|pdf|flash|java|wasm|executable|msdownload|mpegurl|dash)"
)


class OpaqueInspector:
    def accepts(self, _sniffed: Sniffed) -> bool:
        return True

    def examine(self, subject: Subject) -> Finding:
        sniffed = subject.sniffed
        if sniffed == UNKNOWN:
            return Accepted(
                file_type=FileType.OTHER,
                mime_type=harmless_type(subject.declared.mime_type),
            )
        document = sniffed.kind is Kind.DOCUMENT
        return Accepted(
            file_type=FileType.DOCUMENT if document else FileType.OTHER,
            mime_type=_narrowed(sniffed.mime_type, subject.declared.mime_type),
        )


def harmless_type(declared: str) -> str:
    """The declared type of bytes that nobody recognises, if nothing would ever act on it."""
    essence = declared.split(";")[0].strip().lower()
    if not MIME_TYPE.fullmatch(essence) or CLAIMS_NOT_TAKEN.match(essence):
        return OCTETS
    return essence


# Types that look alike from their first bytes; the declared one may tell which of them it is.
LOOK_ALIKE = {
    "text/plain": ("text/csv", "text/markdown", "application/json", "text/tab-separated-values"),
    "application/x-ole-storage": (
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
    ),
}


def _narrowed(sniffed: str, declared: str) -> str:
    essence = declared.split(";")[0].strip().lower()
    return essence if essence in LOOK_ALIKE.get(sniffed, ()) else sniffed
