"""Operating systems, PCI vendors, container engines and apt repositories."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from xpulab.catalog.entry import Entry, Record, Url, Version

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{40}$")]


class Kernel(Record):
    """A kernel of an operating system; `suffix` ends `uname -r`, `flavour` its meta packages' names."""

    series: Version
    suffix: str
    flavour: str
    title: str


class OperatingSystem(Entry):
    """A system xpulab provisions; `architectures` as `uname -m` and dpkg spell them."""

    title: str
    codename: str
    architectures: tuple[str, ...]
    kernels: tuple[Kernel, ...]
    prerequisites: tuple[str, ...]


class LaterSystem(Entry):
    """A system to name in a remedy, and the kernel series it brings."""

    title: str
    kernel: Version


class PciVendor(Entry):
    """Whose display-class PCI functions are accelerators, and for whom."""

    title: str
    use: Literal["nvidia", "intel", "unsupported", "none"]


class Engine(Entry):
    """A container engine."""

    repository: str | None = None
    packages: tuple[str, ...]
    displaces: tuple[str, ...]
    unit: str
    daemon_json: str
    foreign_sources: tuple[Url, ...] = ()


class Repository(Entry):
    """A vendor's apt repository; `suite` may hold `{codename}` or `{channel}`."""

    uri: Url
    suite: str
    components: tuple[str, ...] = ()
    key_url: Url
    fingerprints: Annotated[tuple[Fingerprint, ...], Field(min_length=1)]


class UnattendedUpgrades(Entry):
    """Package name prefixes that unattended-upgrades must leave alone."""

    blocked: tuple[str, ...]
