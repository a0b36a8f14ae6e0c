"""The Docker engine of this machine, as far as `sam local` leaves something to us.

Docker Engine API, v1.41: networks, containers.
"""

import json
import os
import socket
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

SOCKET = "/var/run/docker.sock"
SAM_CONTAINERS = {"label": ["sam.cli.container.type=lambda"]}


class NoDockerError(Exception):
    """There is no engine to talk to; the message says what to do."""


class Docker:
    def __enter__(self) -> Self:
        """Raises NoDockerError."""
        host = os.environ.get("DOCKER_HOST", f"unix://{SOCKET}")
        path = host.removeprefix("unix://")
        try:
            # httpcore leaves its socket open where nobody listens.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
        except OSError as error:
            raise _no_docker(host, error) from error
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=path),
            base_url="http://docker/v1.41",
            timeout=60,
        )
        try:
            self._http.get("/_ping").raise_for_status()
        except httpx.HTTPError as error:
            self._http.close()
            raise _no_docker(host, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def gateway(self) -> str:
        """This machine's address on the default bridge network."""
        network = self._http.get("/networks/bridge").raise_for_status().json()
        [config, *_] = network["IPAM"]["Config"]
        # Where it does not say, it is the first address (Docker documentation, "dockerd", --bip).
        first = ip_network(config["Subnet"])[1]
        return str(config.get("Gateway", first))

    def sam_containers(self, *, running: bool = False) -> set[str]:
        """The ids of all containers that sam has made, or only of those that run."""
        query = {"all": json.dumps(not running), "filters": json.dumps(SAM_CONTAINERS)}
        found: list[dict[str, Any]] = (
            self._http.get("/containers/json", params=query).raise_for_status().json()
        )
        return {container["Id"] for container in found}

    def remove(self, containers: Iterable[str]) -> None:
        """End them and remove them; one that is gone already is no problem."""
        for container in containers:
            self._http.delete(f"/containers/{container}", params={"force": "true", "v": "true"})

    # ------------------------------------------------------------ for tests

    def pull(self, repository: str, tag: str) -> bool:
        """Whether the image is here now: it was, or its registry gave it."""
        query = {"fromImage": repository, "tag": tag}
        answer = self._http.post("/images/create", params=query)
        found = self._http.get(f"/images/{repository}:{tag}/json")
        return answer.is_success and found.is_success

    def import_image(self, tar: Path, repository: str, tag: str, changes: Iterable[str]) -> None:
        """Make an image of a file system. Raises httpx.HTTPError."""
        query = {"fromSrc": "-", "repo": repository, "tag": tag, "changes": list(changes)}
        with tar.open("rb") as content:
            self._http.post("/images/create", params=query, content=content).raise_for_status()

    def run_in(self, container: str, command: list[str]) -> str:
        """What a command prints in a running container."""
        asked = {"AttachStdout": True, "AttachStderr": True, "Tty": True, "Cmd": command}
        made = self._http.post(f"/containers/{container}/exec", json=asked).raise_for_status()
        started = {"Detach": False, "Tty": True}
        return self._http.post(f"/exec/{made.json()['Id']}/start", json=started).text


def _no_docker(host: str, error: Exception) -> NoDockerError:
    problem = f"There is no Docker engine at {host} ({error})."
    return NoDockerError(f"{problem} Start one, or name it in DOCKER_HOST.")
