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
class Kernel:
    """A kernel that hosts start on: the suite it comes from, and the package that follows it."""

    suite: str
    meta: str


@dataclass(frozen=True)
class System:
    """An operating system that hosts are dressed as.

    `archive` names the repository whose key it trusts from the start; `fresh` are patterns of the kernel
    packages that a newly installed server has.
    """

    archive: str
    fresh: list[str]
    kernels: dict[str, Kernel]


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
    driver: str = ""
    """What holds it from the start, before any module is loaded."""
    fault: str = ""
    """`off the bus` or `no memory`: what is wrong with the card."""


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
    secure_boot: bool = False
    workbench: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lab:
    """All of hosts.yml."""

    user: str
    systems: dict[str, System]
    hosts: dict[str, Host]

    def images(self) -> list[tuple[str, str]]:
        """Return every operating system with every kernel that it can start on."""
        return [(os, kernel) for os, system in self.systems.items() for kernel in system.kernels]

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
        systems={name: _system(about) for name, about in raw["systems"].items()},
        hosts={name: _host(name, about) for name, about in raw["hosts"].items()},
    )


def _system(about: dict[str, Any]) -> System:
    kernels = {kernel: Kernel(**of) for kernel, of in about["kernels"].items()}
    return System(archive=about["archive"], fresh=about["fresh"], kernels=kernels)


def _host(name: str, about: dict[str, Any]) -> Host:
    rest = {key: value for key, value in about.items() if key != "pci"}
    return Host(name=name, pci=[_function(raw) for raw in about["pci"]], **rest)


def _function(raw: dict[str, Any]) -> Function:
    # `class` is a word of the language.
    rest = {key: value for key, value in raw.items() if key != "class"}
    return Function(class_=raw["class"], **rest)
