"""`make openapi`: write docs/openapi.json and the schemas in docs/events anew."""

from openapi import events
from openapi.document import DOCUMENT, text

if __name__ == "__main__":
    for path, written in {DOCUMENT: text(), **events.files()}.items():
        path.write_text(written)
        print(f"Wrote {path.name}.")
