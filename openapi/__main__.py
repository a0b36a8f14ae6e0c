"""`make openapi`: write docs/openapi.json anew."""

from openapi.document import DOCUMENT, text

if __name__ == "__main__":
    DOCUMENT.write_text(text())
    print(f"Wrote {DOCUMENT.name}.")
