"""What is right for one host: a Target, or a Refusal that says why not and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xpulab.schema.refusal import Refusal as Refusal

Vendor = Literal["nvidia", "intel", "cpu"]
DriverSource = Literal["archive", "cuda"]
NvSwitches = Literal["nvswitch", "nvlink5"]
ModuleFlavour = Literal["open", "proprietary", "in-tree", "dkms"]


@dataclass(frozen=True)
class Accelerator:
    """A device PyTorch can use; `compute_capability` only for NVIDIA."""

    address: str
    pci_id: str
    name: str
    family: str
    compute_capability: str | None = None


@dataclass(frozen=True)
class Driver:
    """The driver branch (NVIDIA) or channel (Intel) and the flavour of its kernel modules.

    `source` is for NVIDIA alone: the distribution's archive, or NVIDIA's CUDA repository.
    """

    branch: str
    modules: ModuleFlavour
    source: DriverSource = "archive"


@dataclass(frozen=True)
class Beside:
    """The second vendor of a host that uses accelerators of both: its driver, but not its image."""

    vendor: Vendor
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

    `kernel` is the one that runs, `kernel_flavour` that of the one to run; `nvswitch` says what joins the
    GPUs, where a fabric manager has to run for them.
    """

    vendor: Vendor
    os: str
    accelerators: tuple[Accelerator, ...]
    driver: Driver | None
    kernel: str
    kernel_flavour: str
    image: Image
    notes: tuple[str, ...] = ()
    kernel_upgrade: KernelUpgrade | None = None
    beside: Beside | None = None
    nvswitch: NvSwitches | None = None

    def driver_of(self, vendor: Vendor) -> Driver:
        """The driver of a vendor that the host uses; ValueError when it uses none of it."""
        if vendor == self.vendor and self.driver:
            return self.driver
        if self.beside and vendor == self.beside.vendor:
            return self.beside.driver
        raise ValueError(f"this target has no {vendor} driver")

    @property
    def vendors(self) -> tuple[Vendor, ...]:
        """Every vendor whose software the host gets."""
        return (self.vendor, self.beside.vendor) if self.beside else (self.vendor,)
