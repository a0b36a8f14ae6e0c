"""A PostgreSQL server on the loopback while a context lasts."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from local.stack import free_port
from tests.stack.client import eventually

MISSING = "PostgreSQL is not here: apt-get install postgresql"


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database. Skips the test without PostgreSQL; not with CI=true."""
    found = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)), None
    )
    if found is None:
        assert os.environ.get("CI") != "true", MISSING
        pytest.skip(MISSING)
    # It does not run as root: then as the user that Debian's package makes.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data, port, binaries = f"{folder}/data", free_port(0), Path(found).parent
        make = [found, "-D", data, "-U", "django", "-A", "trust", "-N", "-E", "UTF8"]
        subprocess.run(make, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"postgresql://django@127.0.0.1:{port}/postgres"
            assert eventually(lambda: _answers(url)), "PostgreSQL did not start"
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown
            server.wait()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
