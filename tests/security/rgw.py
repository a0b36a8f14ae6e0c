"""A real S3 server for tests: Ceph's RADOS Gateway on one node, in memory and on loopback only.

Nothing of it outlives the context: each process is started here, ended by its id, and killed by
the kernel if the tests themselves are (`setpriv --pdeathsig`); its folder is temporary.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")  # Debian's; no manager is needed
PROGRAMS = ("radosgw", "ceph-mon", "ceph-osd", "ceph", "setpriv")
INSTALL = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *PACKAGES)
INSTALL_DEADLINE_S = 600
STEP_DEADLINE_S = 30  # a second is usual for the longest
TAIL_LINES = 15

CONF = """
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon_port}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
keyring = {folder}/keyring
log_file = {folder}/$name.log
run_dir = {folder}
admin_socket =
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port}
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_crit = 0
paxos_propose_interval = 0.05
"""


class GatewayError(Exception):
    """The gateway could not be installed or started; the message has what the programs said."""


@dataclass(frozen=True)
class Gateway:
    """Where the gateway listens, and its one user."""

    endpoint: str
    access_key: str
    secret_key: str


def missing() -> list[str]:
    """The programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def version() -> str:
    """Ceph's, such as 16.2.15."""
    return _output("ceph", "--version").split()[2]


def install() -> None:
    """Install Debian's packages: 260 MB on disk, about a minute. Raises GatewayError."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise GatewayError(f"Only root can install the gateway: {' '.join(INSTALL)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("apt-get", "update", "--quiet"), INSTALL):
        _output(*command, environment=quiet, deadline_s=INSTALL_DEADLINE_S)


@contextmanager
def running() -> Iterator[Gateway]:
    """A gateway that holds nothing yet. Raises GatewayError with the tail of each log."""
    with TemporaryDirectory(prefix="rgw-") as folder, ExitStack() as ended:
        try:
            gateway = _Node(Path(folder), ended).start()
        except GatewayError as error:
            raise GatewayError(f"{error}\n{_tails(Path(folder))}") from error
        yield gateway


class _Node:
    """A monitor, a store in memory and the gateway, in one folder."""

    def __init__(self, folder: Path, ended: ExitStack) -> None:
        self._folder, self._ended = folder, ended
        self._mon_port, self._port = _free_ports(2)
        self._environment = {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}

    def start(self) -> Gateway:
        self._write_configuration()
        self._start_store()
        gateway = Gateway(
            f"http://127.0.0.1:{self._port}", secrets.token_hex(10), secrets.token_hex(20)
        )
        keys = (f"--access-key={gateway.access_key}", f"--secret-key={gateway.secret_key}")
        # Waits for the store by itself.
        self._run("radosgw-admin", "user", "create", "--uid=tests", "--display-name=tests", *keys)
        radosgw = self._spawn("radosgw", "-n", "client.admin")
        self._await_answer(gateway.endpoint, radosgw)
        return gateway

    def _write_configuration(self) -> None:
        folder, keyring, fsid = self._folder, str(self._folder / "keyring"), str(uuid4())
        for part in ("mon", "osd", "rgw"):
            (folder / part).mkdir()
        (folder / "ceph.conf").write_text(
            CONF.format(folder=folder, fsid=fsid, mon_port=self._mon_port, port=self._port)
        )
        for number, name in enumerate(("mon.", "client.admin", "osd.0")):
            create = () if number else ("--create-keyring",)
            allowed = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
            self._run("ceph-authtool", keyring, *create, "--gen-key", "-n", name, *allowed)
        monmap, address = str(folder / "monmap"), f"[v2:127.0.0.1:{self._mon_port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)

    def _start_store(self) -> None:
        store = str(uuid4())
        self._spawn("ceph-mon", "-i", "a")
        self._run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", store)
        self._run("ceph", "osd", "new", store, "0")  # waits for the monitor by itself
        self._spawn("ceph-osd", "-i", "0")

    def _run(self, *command: str) -> None:
        _output(*command, environment=self._environment, deadline_s=STEP_DEADLINE_S)

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{command[0]}.out.log").open("wb") as said:
            process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "KILL", *command, "-f"),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests
            )
        self._ended.callback(process.wait)
        self._ended.callback(process.kill)
        return process

    def _await_answer(self, endpoint: str, radosgw: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + STEP_DEADLINE_S
        while radosgw.poll() is None:
            try:
                httpx.get(endpoint).raise_for_status()
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    raise GatewayError(f"radosgw does not answer: {error}") from error
                time.sleep(0.05)
            else:
                return
        code = radosgw.returncode  # the number of the system's error
        reason = os.strerror(code) if code > 0 else signal.strsignal(-code)
        raise GatewayError(f"radosgw ended with {code}: {reason}")


def _output(
    *command: str, environment: dict[str, str] | None = None, deadline_s: int = STEP_DEADLINE_S
) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=deadline_s,
        )
    except subprocess.TimeoutExpired as error:
        raise GatewayError(f"{command[0]} did not end within {deadline_s} s") from error
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])
        raise GatewayError(f"{command[0]} ended with {done.returncode}:\n{said}")
    return done.stdout


def _free_ports(count: int) -> list[int]:
    with ExitStack() as bound:
        found = [bound.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in found]


def _tails(folder: Path) -> str:
    """The end of each log."""
    tails: list[str] = []
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        tails += [f"--- {log.name}", *lines] if lines else []
    return "\n".join(tails)
