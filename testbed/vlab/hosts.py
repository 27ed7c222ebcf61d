"""Read hosts.yml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vlab.command import TestbedError
from vlab.places import SOURCES

HOSTS_FILE = SOURCES / "hosts.yml"


@dataclass(frozen=True)
class Function:
    """One function on a host's PCI bus."""

    slot: str
    id: str
    class_: str
    subsystem: str
    name: str = ""
    compute_cap: str = ""
    memory_mib: int = 0


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str
    address: str
    os: str
    kernel: str
    pci: list[Function]
    load: list[str] = field(default_factory=list)
    autostart: bool = True


@dataclass(frozen=True)
class Lab:
    """All of hosts.yml."""

    user: str
    kernels: dict[str, str]
    hosts: dict[str, Host]

    def select(self, names: list[str]) -> list[Host]:
        """Return the hosts called `names`, or those that start by themselves when none is named."""
        unknown = sorted(set(names) - set(self.hosts))
        if unknown:
            known = ", ".join(self.hosts)
            raise TestbedError(f"no such host: {', '.join(unknown)}; testbed/hosts.yml has {known}")
        if names:
            return [self.hosts[name] for name in names]
        return [host for host in self.hosts.values() if host.autostart]


def load_lab(path: Path = HOSTS_FILE) -> Lab:
    """Read the description of the lab."""
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    return Lab(
        user=raw["user"],
        kernels={kernel: about["meta"] for kernel, about in raw["kernels"].items()},
        hosts={name: _host(name, about) for name, about in raw["hosts"].items()},
    )


def _host(name: str, about: dict[str, Any]) -> Host:
    rest = {key: value for key, value in about.items() if key != "pci"}
    return Host(name=name, pci=[_function(raw) for raw in about["pci"]], **rest)


def _function(raw: dict[str, Any]) -> Function:
    # `class` is a word of the language.
    rest = {key: value for key, value in raw.items() if key != "class"}
    return Function(class_=raw["class"], **rest)
