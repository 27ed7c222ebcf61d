"""Operating systems, PCI vendors, container engines and apt repositories."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from xpulab.catalog.entry import Entry, Record, Url, Version, release
from xpulab.schema.identifiers import Fingerprint


class Kernel(Record):
    """A kernel of an operating system; `suffix` ends `uname -r`, `flavour` its meta packages' names.

    A `superseded` one is met on hosts, but its meta package brings a newer series today. `repository`
    names the one that the meta package comes from, None for the system's own.
    """

    series: Version
    suffix: str
    flavour: str
    title: str
    superseded: bool = False
    repository: str | None = None


class KernelPackages(Record):
    """Names of the packages of a kernel, with `{kernel}` (`uname -r`) and `{kernel_flavour}`.

    `images` begin the name of one kernel's own package, which ends in its `uname -r`; `of_flavour` are all
    that bring a flavour and its updates. `headers` let DKMS build a module for the running kernel, and
    `headers_of_flavour` for each one that follows it. `more_modules` bring the running kernel's modules that
    its own package leaves out.
    """

    meta: str
    images: tuple[str, ...]
    of_flavour: tuple[str, ...]
    headers: str
    headers_of_flavour: str
    more_modules: tuple[str, ...] = ()


class Archive(Record):
    """Where a system's own packages come from."""

    uri: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    suites: tuple[str, ...]
    components: tuple[str, ...]


class OperatingSystem(Entry):
    """A system xpulab provisions; `architectures` as `uname -m` and dpkg spell them."""

    title: str
    codename: str
    archive: Archive
    architectures: tuple[str, ...]
    kernels: tuple[Kernel, ...]
    kernel_packages: KernelPackages
    prerequisites: tuple[str, ...]

    @cached_property
    def kernels_by_suffix(self) -> dict[str, tuple[Kernel, ...]]:
        """The kernels of each suffix, the oldest series first."""
        by_series = sorted(self.kernels, key=lambda each: release(each.series))
        suffixes = dict.fromkeys(each.suffix for each in self.kernels)
        return {suffix: tuple(each for each in by_series if each.suffix == suffix) for suffix in suffixes}

    def meta_package(self, kernel: Kernel) -> str:
        """The package that brings a kernel and its updates."""
        return self.kernel_packages.meta.format(kernel_flavour=kernel.flavour)


class LaterSystem(Entry):
    """A system to name in a remedy, and the kernel series it brings."""

    title: str
    kernel: Version


class PciVendor(Entry):
    """Whose display-class PCI functions are accelerators: `use` is a vendor, or one of two words for none.

    `regions` are the numbers of the memory regions without which the vendor's driver finds nothing.
    """

    title: str
    use: str
    regions: tuple[int, ...] = ()


class Engine(Entry):
    """A container engine."""

    repository: str | None = None
    packages: tuple[str, ...]
    displaces: tuple[str, ...]
    unit: str
    daemon_json: str
    foreign_sources: tuple[Url, ...] = ()
    notes: dict[str, str] = Field(default_factory=dict)
    """What the owner of a host should know, by operating system, where it has accelerators of `notes_for`."""
    notes_for: tuple[str, ...] = ()


class Repository(Entry):
    """A vendor's apt repository.

    `suite` may hold `{codename}` or `{channel}`; `uri` and `key_url` `{id}` (ubuntu) or `{distribution}`
    (ubuntu2204). `chosen` lists packages that apt must prefer from here, where it would not by itself;
    `note` says what a host pays for having them from here.
    """

    uri: Url
    suite: str
    components: tuple[str, ...] = ()
    key_url: Url
    fingerprints: Annotated[tuple[Fingerprint, ...], Field(min_length=1)]
    chosen: tuple[str, ...] = ()
    note: str | None = None


class UnattendedUpgrades(Entry):
    """Package name prefixes that unattended-upgrades must leave alone."""

    blocked: tuple[str, ...]
