"""The hosts of a lab: from any pyinfra inventory to connections that answer."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import testinfra
from testinfra.host import Host

from . import ssh_config
from .survey import QUESTION, Survey, read_answer

LOADER = Path(__file__).with_name("load_inventory.py")
MAX_CONNECTIONS_AT_ONCE = 32


class LabError(Exception):
    """The inventory cannot be used; the message says why."""


@dataclass(frozen=True)
class LabHost:
    """One host, how it is reached, and what it answered; plain text, to be handed to other processes."""

    name: str
    hostspec: str
    ssh_config: str | None = None
    answer: str = ""
    failure: str | None = None
    sections: Mapping[str, Any] = field(default_factory=dict)
    """What the inventory says of the host, section by section, those of a lab's own roles included."""

    def __str__(self) -> str:
        return self.name

    @cached_property
    def survey(self) -> Survey:
        """What the host is."""
        return Survey(problem=self.failure) if self.failure else read_answer(self.answer)

    @property
    def workbench(self) -> dict[str, Any] | None:
        """What the inventory says of the host's workbench."""
        return self.sections.get("workbench")

    @property
    def shell(self) -> Host:
        """Commands as the user that pyinfra logs in as."""
        return testinfra.get_host(self.hostspec, **self._backend_options)

    @property
    def root_shell(self) -> Host:
        """Commands as root, through sudo where the user is another."""
        return testinfra.get_host(self.hostspec, sudo=self.survey.user != "root", **self._backend_options)

    @property
    def _backend_options(self) -> dict[str, str]:
        return {"ssh_config": self.ssh_config} if self.ssh_config else {}


def load(inventory: str, limit: Sequence[str], exclude: Sequence[str], folder: Path) -> list[LabHost]:
    """The hosts of an inventory, each already asked what it is; `folder` takes connection files."""
    command = [sys.executable, str(LOADER), inventory]
    command += [f"--limit={pattern}" for pattern in limit] + [f"--exclude={pattern}" for pattern in exclude]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False)
    if loaded.returncode != 0:
        raise LabError(f"the inventory {inventory} could not be loaded:\n{loaded.stderr.strip()}")
    entries = json.loads(loaded.stdout)
    if not entries:
        raise LabError(f"the inventory {inventory} has no hosts\n{loaded.stderr.strip()}".rstrip())
    hosts = [reach(entry, folder / str(number)) for number, entry in enumerate(entries)]
    hosts = [replace(host, sections=entry["sections"]) for host, entry in zip(hosts, entries, strict=True)]
    with ThreadPoolExecutor(MAX_CONNECTIONS_AT_ONCE) as pool:
        return list(pool.map(ask, hosts))


def reach(entry: dict[str, Any], file: Path) -> LabHost:
    """How one inventory entry is reached, its ssh configuration written to `file`."""
    name = entry["name"]
    if entry["connector"] == "LocalConnector":
        return LabHost(name, "local://")
    if entry["connector"] != "SSHConnector":
        kind = entry["connector"].removesuffix("Connector").lower()
        return LabHost(name, "", failure=f"reached by @{kind}; only ssh, @vagrant and @local can be verified")
    target = entry["settings"].get("ssh_hostname", name)
    # testinfra would take an @ for a user and a colon for a port.
    hostspec = f"ssh://{urllib.parse.quote(target, safe='')}"
    file.write_text(ssh_config.render(target, entry["settings"], file.parent))
    if entry["by_password"] and "ssh_key" not in entry["settings"]:
        return LabHost(
            name, hostspec, str(file), failure="logs in by password; give it an ssh_key, or use an agent"
        )
    return LabHost(name, hostspec, str(file))


def ask(host: LabHost) -> LabHost:
    """The same host with its answer, or the failure to get one."""
    if host.failure:
        return host
    try:
        result = host.shell.run("sh -c %s", QUESTION)
    except RuntimeError as error:  # testinfra's way to say that ssh itself failed
        reason = getattr(error.args[0], "stderr", str(error)).strip()
        return replace(host, failure=f"cannot be reached: {reason}")
    return replace(host, answer=result.stdout)


def close(hosts: Sequence[LabHost]) -> None:
    """End the shared ssh connections, so that no process outlives the run."""
    for host in hosts:
        if host.ssh_config:
            target = urllib.parse.unquote(host.hostspec.removeprefix("ssh://"))
            subprocess.run(
                ["ssh", "-F", host.ssh_config, "-O", "exit", target], capture_output=True, check=False
            )


def to_json(hosts: Sequence[LabHost]) -> str:
    """The hosts as text for a parallel worker."""
    return json.dumps([asdict(host) for host in hosts])


def from_json(text: str) -> list[LabHost]:
    """The hosts that `to_json` wrote."""
    return [LabHost(**fields) for fields in json.loads(text)]
