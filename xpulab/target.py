"""What is right for one host: a Target, or a Refusal that says why not and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Vendor = Literal["nvidia", "intel", "cpu"]
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
    """The driver branch (NVIDIA) or channel (Intel) and the flavour of its kernel modules."""

    branch: str
    modules: ModuleFlavour


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


@dataclass(frozen=True)
class Target:
    """What one host is to become."""

    vendor: Vendor
    os: str
    accelerators: tuple[Accelerator, ...]
    driver: Driver | None
    kernel: str
    kernel_flavour: str
    image: Image
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why a host is left untouched, and what its owner can do."""

    reason: str
    remedy: str
