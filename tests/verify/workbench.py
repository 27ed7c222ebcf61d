"""The workbench of a host, as the checks ask it questions: through ssh, as its users reach it."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .provisioned_host import ProvisionedHost

NAME = "xpulab-workbench"
SETTINGS = "/etc/xpulab/workbench/settings"
STATE = "/var/lib/xpulab/workbench"
SECONDS = 20


@dataclass(frozen=True)
class Workbench:
    """What the inventory says, with the defaults of what it leaves out."""

    users: Mapping[str, Any]
    registry: str
    bind: str = "127.0.0.1"
    jupyter_port: int = 8888
    ssh_port: int = 2222
    network: str = "bridge"
    device: str | None = None
    shm_gb: int | None = None
    image: str = "auto"
    builder: bool = field(default=False, compare=False)

    @property
    def address(self) -> str:
        """Where the host itself reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)


def of(host: ProvisionedHost) -> Workbench:
    """The workbench that the inventory describes."""
    return Workbench(**(host.lab_host.workbench or {}))


def container(host: ProvisionedHost) -> dict[str, Any]:
    """What the engine says of the container."""
    (found,) = json.loads(host.output("docker container inspect %s", NAME, as_root=True))
    return dict(found)


def settings(host: ProvisionedHost) -> dict[str, str]:
    """What the deploy wrote down for the host's launcher."""
    lines = host.output("cat %s", SETTINGS, as_root=True).splitlines()
    return {
        name: shlex.split(value)[0] if value else "" for name, _, value in (x.partition("=") for x in lines)
    }


def http(host: ProvisionedHost, path: str, token: str | None = None) -> tuple[int, str]:
    """Status and body of JupyterLab's answer; the token goes through the connection, never into a process."""
    workbench = of(host)
    lines = [f"GET {path} HTTP/1.0", f"Host: localhost:{workbench.jupyter_port}"]
    lines += [f"Authorization: token {token}"] if token else []
    answer = _talk(host, workbench.jupyter_port, "\r\n".join([*lines, "", ""]).encode())
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    assert head.startswith("HTTP/"), f"{host}: port {workbench.jupyter_port} answers {answer[:80]!r}"
    return int(head.split()[1]), body


def _talk(host: ProvisionedHost, port: int, request: bytes) -> bytes:
    """What comes back from a port of the workbench until it closes the connection."""
    address = of(host).address
    if not host.lab_host.ssh_config:
        with socket.create_connection((address, port), SECONDS) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))
    forward = subprocess.Popen(
        [*_jump(host), "-W", _endpoint(address, port), _target(host)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with forward as running:
        assert running.stdin and running.stdout
        running.stdin.write(request)
        running.stdin.flush()
        # ssh would end the connection with its input, before there is an answer.
        return running.stdout.read()


def ssh(host: ProvisionedHost, user: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Log in to the workbench as a user, with the keys that log in to the host."""
    workbench = of(host)
    argv = ["ssh", "-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
    argv += ["-oLogLevel=ERROR", "-oControlPath=none", f"-p{workbench.ssh_port}", *options]
    if host.lab_host.ssh_config:
        endpoint = _endpoint(workbench.address, workbench.ssh_port)
        proxy = shlex.join([*_jump(host), "-W", endpoint, _target(host)])
        argv += [f"-F{host.lab_host.ssh_config}", f"-oProxyCommand={proxy.replace('%', '%%')}"]
    argv += [f"-l{user}", _target(host) if host.lab_host.ssh_config else workbench.address, command]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def _jump(host: ProvisionedHost) -> list[str]:
    return ["ssh", "-F", str(host.lab_host.ssh_config)]


def _target(host: ProvisionedHost) -> str:
    return urllib.parse.unquote(host.lab_host.hostspec.removeprefix("ssh://"))


def _endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
