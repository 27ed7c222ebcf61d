"""NVIDIA: GPU families, driver branches, CUDA versions, Container Toolkit."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from xpulab.catalog.entry import DeviceId, Entry, Record, Url, Version, release
from xpulab.catalog.systems import UnattendedUpgrades

Branch = Annotated[str, StringConstraints(pattern=r"^\d{3}$")]
ComputeCapability = Annotated[str, StringConstraints(pattern=r"^\d+\.\d$")]
NvidiaModules = Literal["open", "proprietary"]


class ChipRange(Record):
    """A range of NVIDIA device ids, both ends included, and the chips in it."""

    first: DeviceId
    last: DeviceId
    codename: str
    compute_capability: ComputeCapability | None = None
    first_driver: Version | None = None
    modules: tuple[NvidiaModules, ...] | None = None

    @model_validator(mode="after")
    def _ends_in_order(self) -> ChipRange:
        if self.first > self.last:
            raise ValueError(f"first {self.first} lies behind last {self.last}")
        return self

    def __contains__(self, device: str) -> bool:
        """Whether a device id lies in the range."""
        return self.first <= device <= self.last


class NvidiaFamily(Entry):
    """A GPU architecture; `unsupported` says why its GPUs cannot be used."""

    title: str
    unsupported: str | None = None
    last_branch: Branch | None = None
    modules: tuple[NvidiaModules, ...] = ()
    chips: Annotated[tuple[ChipRange, ...], Field(min_length=1)]
    names: dict[DeviceId, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _usable_or_not(self) -> NvidiaFamily:
        if self.unsupported is None:
            if not self.modules:
                raise ValueError("a supported family needs modules")
            if any(chips.compute_capability is None for chips in self.chips):
                raise ValueError("every chip range of a supported family needs a compute_capability")
        return self


class DriverBranch(Entry):
    """An NVIDIA driver branch; `archive` names the systems whose archive has its server packages."""

    kind: str
    state: Literal["supported", "end-of-life"]
    end_of_life: date
    latest: Version | None = None
    security_floor: Version | None = None
    modules: tuple[NvidiaModules, ...] = ("open", "proprietary")
    archive: tuple[str, ...] = ()

    @property
    def at_least(self) -> str | None:
        """The version every host of this branch has or exceeds: its security floor, if one is known."""
        return self.security_floor or self.latest


class ArchivePackages(Entry):
    """Package names of the archive's driver, with `{branch}`, `{kernel}` and `{kernel_flavour}`."""

    user_space: tuple[str, ...]
    modules: dict[NvidiaModules, tuple[str, ...]]
    modules_of_flavour: dict[NvidiaModules, tuple[str, ...]]
    displaces: tuple[str, ...]


class NvidiaModule(Entry):
    """The kernel module, its licence by flavour, and the modules it takes the device from."""

    name: str
    licenses: dict[NvidiaModules, str]
    displaces: tuple[str, ...]


class Pin(Entry):
    """Packages of one repository (by its Release label) that apt must never choose."""

    label: str
    packages: tuple[str, ...]


class Persistence(Entry):
    """The persistence daemon's unit and the command that turns persistence mode on."""

    unit: str
    command: str


class NvSwitch(Entry):
    """PCI device ids of NVSwitches: GPUs behind one compute only while a fabric manager runs."""

    devices: tuple[DeviceId, ...]


class NvidiaDriver(Record):
    """Everything about NVIDIA's driver."""

    default_branch: Branch
    branches: dict[Branch, DriverBranch]
    archive: ArchivePackages
    kernel_module: NvidiaModule
    cuda_repository_pin: Pin
    persistence: Persistence
    nvswitch: NvSwitch
    unattended_upgrades: UnattendedUpgrades


class ToolkitPackages(Entry):
    """The container toolkit's packages, all at one exact version."""

    version: str
    minimum_safe: Version
    repository: str
    names: tuple[str, ...]
    foreign_sources: tuple[Url, ...]

    @model_validator(mode="after")
    def _safe(self) -> ToolkitPackages:
        if release(self.version.partition("-")[0]) < release(self.minimum_safe):
            raise ValueError(f"version {self.version} is older than minimum_safe {self.minimum_safe}")
        return self


class ToolkitRuntime(Entry):
    """The keys that register the runtime with Docker."""

    settings: dict[str, Any]


class ToolkitCdi(Entry):
    """The units that write the Container Device Interface specification, and where."""

    path_unit: str
    refresh_unit: str
    specification: str
    stale_specifications: tuple[str, ...]


class ContainerToolkit(Record):
    """NVIDIA Container Toolkit."""

    packages: ToolkitPackages
    runtime: ToolkitRuntime
    cdi: ToolkitCdi


class Cuda(Entry):
    """A CUDA version: the oldest driver that runs it, and the one it is paired with."""

    minimum_driver: Version
    paired_driver: Version
