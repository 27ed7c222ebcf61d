"""Operating systems, PCI vendors, container engines and apt repositories."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from xpulab.catalog.entry import Entry, Record, Url, Version, release
from xpulab.schema.identifiers import Fingerprint

HALF_A_YEAR = timedelta(days=183)


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


class Care(Entry):
    """Until when a system gets security fixes for everybody; `by` whom, where it is a team of its own."""

    until: date
    by: str | None = None

    def ends_soon(self, day: date) -> bool:
        """Whether the end is half a year away or less, or has passed."""
        return day >= self.until - HALF_A_YEAR

    @property
    def in_words(self) -> str:
        """Such as `cared for until June 2028`, true before that day and after it."""
        return f"cared for until {self.until:%B %Y}" + (f", by {self.by}" if self.by else "")


class OperatingSystem(Entry):
    """A system xpulab provisions; `architectures` as `uname -m` and dpkg spell them.

    `leaving` is of the day that the catalog is read for: whether it is time to move to another system.
    """

    title: str
    codename: str
    care: Care
    leaving: bool = False
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

    def on(self, day: date) -> OperatingSystem:
        """The system as it stands on a day."""
        return self.model_copy(update={"leaving": True}) if self.care.ends_soon(day) else self

    def meta_package(self, kernel: Kernel) -> str:
        """The package that brings a kernel and its updates."""
        return self.kernel_packages.meta.format(kernel_flavour=kernel.flavour)


class LaterSystem(Entry):
    """A later release of a system, to name in a remedy, and the kernel series it brings."""

    title: str
    kernel: Version


class PciVendor(Entry):
    """Whose display-class PCI functions are accelerators: `use` is a vendor, or one of two words for none.

    `regions` are the numbers of the memory regions without which the vendor's driver finds nothing.
    """

    title: str
    use: str
    regions: tuple[int, ...] = ()


class EngineOnSystem(Record):
    """What an engine has on one system beside its own packages, and what it cannot stand beside there."""

    packages: tuple[str, ...] = ()
    displaces: tuple[str, ...] = ()


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
    systems: dict[str, EngineOnSystem] = Field(default_factory=dict)

    def on(self, system: str) -> EngineOnSystem:
        """All of its packages on a system, and all that it cannot stand beside there."""
        more = self.systems.get(system, EngineOnSystem())
        return EngineOnSystem(
            packages=self.packages + more.packages, displaces=self.displaces + more.displaces
        )


class RepositoryKey(Entry):
    """Where a repository's key is published, and the fingerprints of the primary keys that are accepted."""

    key_url: Url
    fingerprints: Annotated[tuple[Fingerprint, ...], Field(min_length=1)]


class Repository(RepositoryKey):
    """A vendor's apt repository; `keys` are those of systems that do not have the one of all others.

    `suite` may hold `{codename}` or `{channel}`; `uri` and `key_url` `{id}` (ubuntu) or `{distribution}`
    (ubuntu2204). `chosen` lists packages that apt must prefer from here, where it would not by itself;
    `note` says what a host pays for having them from here.
    """

    uri: Url
    suite: str
    components: tuple[str, ...] = ()
    keys: dict[str, RepositoryKey] = Field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    note: str | None = None

    def key_for(self, system: str) -> RepositoryKey:
        """The key that signs it for a system."""
        return self.keys.get(system, self)


class UnattendedUpgrades(Entry):
    """Package name prefixes that unattended-upgrades must leave alone."""

    blocked: tuple[str, ...]
