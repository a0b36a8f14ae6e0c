"""The machine's own Chromium: `chromium` of the PATH, or the one that CHROMIUM names."""

import os
import shutil

# Nothing of the browser's own may leave this machine.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
MISSING = "There is no Chromium: apt-get install chromium, or name one in CHROMIUM."


def executable() -> str | None:
    """The program's path, None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")
