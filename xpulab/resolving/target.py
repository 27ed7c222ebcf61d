"""What is right for one host: a Target, or a Refusal that says why not and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from xpulab.resolving.reason import Reason

CPU_INSTEAD = "set policy unsupported: cpu to provision it as a CPU host"
"""The remedy that remains for an accelerator which cannot be used."""


@dataclass(frozen=True)
class Accelerator:
    """A device PyTorch can use; `compute_capability` where its vendor's images are built for one."""

    address: str
    pci_id: str
    name: str
    family: str
    compute_capability: str | None = None


@dataclass(frozen=True)
class Driver:
    """The driver's branch or channel and the flavour of its kernel modules, as its vendor calls them.

    `source` says where it comes from, for a vendor whose driver can be had from more than one place.
    """

    branch: str
    modules: str
    source: str | None = None


@dataclass(frozen=True)
class Beside:
    """The second vendor of a host that uses accelerators of both: its driver, but not its image."""

    vendor: str
    driver: Driver


@dataclass(frozen=True)
class KernelUpgrade:
    """The kernel a host has to boot before its accelerator works: the package that brings it."""

    package: str
    series: str
    flavour: str
    repository: str | None = None


@dataclass(frozen=True)
class Image:
    """A container image; `disk_gb` is the free space (10^9 bytes) its pull needs."""

    reference: str
    digest: str | None
    disk_gb: float

    @property
    def repository(self) -> str:
        """The reference without its tag."""
        return self.reference.rpartition(":")[0]

    @property
    def tag(self) -> str:
        """The tag of the reference."""
        return self.reference.rpartition(":")[2]

    @property
    def by_digest(self) -> str:
        """What to pull and run: `repository@digest`, or the reference where no digest is pinned."""
        return f"{self.repository}@{self.digest}" if self.digest else self.reference

    @property
    def registry_and_path(self) -> tuple[str, str]:
        """The registry's host name and the repository there; Docker Hub where none is named."""
        first, _, rest = self.repository.partition("/")
        if "." in first or ":" in first:
            return first, rest
        return "registry-1.docker.io", self.repository


@dataclass(frozen=True)
class Target:
    """What one host is to become.

    `kernel` is the one that runs, `kernel_flavour` that of the one to run; `fabric` says what joins the
    accelerators, where a fabric manager has to run for them. `passing` are the notes that came with the
    calendar, not with the host. `reasons` are the choices in the order in which they were made; two hosts
    with the same answer are equal, whatever it was chosen for.
    """

    vendor: str
    os: str
    accelerators: tuple[Accelerator, ...]
    driver: Driver | None
    kernel: str
    kernel_flavour: str
    image: Image
    engine: str
    notes: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    kernel_upgrade: KernelUpgrade | None = None
    beside: Beside | None = None
    fabric: str | None = None
    reasons: tuple[Reason, ...] = field(default=(), compare=False, repr=False)

    def driver_of(self, vendor: str) -> Driver:
        """The driver of a vendor that the host uses; ValueError when it uses none of it."""
        if vendor == self.vendor and self.driver:
            return self.driver
        if self.beside and vendor == self.beside.vendor:
            return self.beside.driver
        raise ValueError(f"this target has no {vendor} driver")

    @property
    def lasting_notes(self) -> tuple[str, ...]:
        """The notes that stay: the host's record has these alone, as no host is to drift overnight."""
        return tuple(note for note in self.notes if note not in self.passing)

    @property
    def vendors(self) -> tuple[str, ...]:
        """Every vendor whose software the host gets."""
        return (self.vendor, self.beside.vendor) if self.beside else (self.vendor,)
