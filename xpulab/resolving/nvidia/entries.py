"""NVIDIA: GPU families, virtual GPUs, driver branches, CUDA versions, Container Toolkit."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from xpulab.catalog.claims import BulletinFolder, ReleaseList
from xpulab.catalog.entry import DeviceId, Entry, Record, Url, Version, release
from xpulab.catalog.images import ComputeCapability
from xpulab.catalog.systems import UnattendedUpgrades

Branch = Annotated[str, StringConstraints(pattern=r"^\d{3}$")]
NvidiaModules = Literal["open", "proprietary"]
NvidiaSource = Literal["archive", "cuda"]
NVIDIA_SOURCES: tuple[NvidiaSource, ...] = ("archive", "cuda")


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
    """A GPU architecture; `unsupported` says why its GPUs cannot be used.

    The driver of newer GPUs leaves those that are `passed_over` alone. `aarch64_only` are device ids that
    exist on no other architecture.
    """

    title: str
    unsupported: str | None = None
    passed_over: bool = False
    aarch64_only: tuple[DeviceId, ...] = ()
    last_branch: Branch | None = None
    modules: tuple[NvidiaModules, ...] = ()
    chips: Annotated[tuple[ChipRange, ...], Field(min_length=1)]
    names: dict[DeviceId, str] = Field(default_factory=dict)
    first_drivers: dict[DeviceId, Version] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _usable_or_not(self) -> NvidiaFamily:
        if self.passed_over and not self.unsupported:
            raise ValueError("only an unsupported family is passed_over")
        if self.unsupported is None:
            if not self.modules:
                raise ValueError("a supported family needs modules")
            if any(chips.compute_capability is None for chips in self.chips):
                raise ValueError("every chip range of a supported family needs a compute_capability")
        return self


class VirtualSubsystems(Entry):
    """Subsystems of virtual GPUs: their vendor, and by device id ranges of ids in order, with both ends."""

    vendor: DeviceId
    devices: dict[DeviceId, Annotated[tuple[tuple[DeviceId, DeviceId], ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _ranges_in_order(self) -> VirtualSubsystems:
        for device, ranges in self.devices.items():
            for first, last in ranges:
                if first > last:
                    raise ValueError(f"{device}: first {first} lies behind last {last}")
            for (_, last), (first, _) in pairwise(ranges):
                if first <= last:
                    raise ValueError(f"{device}: range from {first} must begin behind {last}")
        return self

    def __contains__(self, function: tuple[str, str]) -> bool:
        """Whether the subsystem of a function, given as device id and `vendor:device`, is a virtual GPU's."""
        device, subsystem = function
        vendor, _, board = subsystem.partition(":")
        ranges = self.devices.get(device, ())
        return vendor == self.vendor and any(first <= board <= last for first, last in ranges)


class VirtualGuests(Entry):
    """Why a host with a virtual GPU is none for xpulab, and what its owner may do."""

    why: str
    remedy: str


class VirtualGpus(Record):
    """What tells a virtual GPU from the card whose device id it bears."""

    subsystems: VirtualSubsystems
    guests: VirtualGuests


class DriverBranch(Entry):
    """An NVIDIA driver branch; `archive` and `cuda_repository` name the systems that have it from there.

    No page says that the CUDA repositories of `unseen` ones have it. One that is `replaced_by` another gets
    no fixes, its end of life being still to come or not. `opt_in` ones are neither a default nor a remedy.
    """

    kind: str
    state: Literal["supported", "end-of-life"]
    end_of_life: date
    replaced_by: Branch | None = None
    opt_in: bool = False
    latest: Version | None = None
    security_floor: Version | None = None
    modules: tuple[NvidiaModules, ...] = ("open", "proprietary")
    archive: tuple[str, ...] = ()
    cuda_repository: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def on(self, day: date) -> DriverBranch:
        """The branch as it stands on a day: its end of life comes without an edit."""
        if self.state == "end-of-life" or day <= self.end_of_life:
            return self
        return self.model_copy(update={"state": "end-of-life"})

    @property
    def without_fixes(self) -> str:
        """Why an end-of-life branch is none to have."""
        if self.replaced_by:
            return f"gets no security fixes since branch {self.replaced_by} replaced it"
        return f"has had no security fixes since {self.end_of_life:%B %Y}"

    def sources(self, system: str) -> tuple[NvidiaSource, ...]:
        """Where the branch can be had for a system, the archive first: its modules are signed."""
        has = {"archive": self.archive, "cuda": self.cuda_repository}
        return tuple(source for source in NVIDIA_SOURCES if system in has[source])

    @property
    def at_least(self) -> str | None:
        """The version every host of this branch has or exceeds: its security floor, if one is known."""
        return self.security_floor or self.latest


class ArchivePackages(Entry):
    """Package names of the archive's driver, with `{branch}`, `{kernel}` and `{kernel_flavour}`."""

    user_space: tuple[str, ...]
    modules: dict[NvidiaModules, tuple[str, ...]]
    modules_of_flavour: dict[NvidiaModules, tuple[str, ...]]
    of_other_branch: tuple[str, ...]
    displaces: tuple[str, ...]
    fabric_manager: tuple[str, ...]


class CudaPackages(Entry):
    """Package names of the CUDA repository's driver, with `{branch}`.

    Up to branch `last_suffixed` a name bears its branch; from then on only the pinning package, and
    xpulab's own preferences, tell apt which branch a plain name means. `compilers` of DKMS are by system
    and major version of the kernel.
    """

    repository: str
    last_suffixed: Branch
    pinning: tuple[str, ...]
    suffixed: dict[NvidiaModules, tuple[str, ...]]
    plain: dict[NvidiaModules, tuple[str, ...]]
    compilers: dict[str, dict[Version, tuple[str, ...]]]
    fabric_manager_suffixed_below: Branch
    fabric_manager_suffixed: tuple[str, ...]
    fabric_manager: tuple[str, ...]
    of_other_branch: tuple[str, ...]
    displaces: tuple[str, ...]

    def driver(self, branch: str, flavour: NvidiaModules) -> tuple[str, ...]:
        """The meta packages that bring a branch's driver with modules of a flavour."""
        names = self.suffixed if branch <= self.last_suffixed else self.plain
        return tuple(name.format(branch=branch) for name in names[flavour])

    def fabric_manager_of(self, branch: str) -> tuple[str, ...]:
        """The fabric manager's packages for a branch."""
        suffixed = branch < self.fabric_manager_suffixed_below
        names = self.fabric_manager_suffixed if suffixed else self.fabric_manager
        return tuple(name.format(branch=branch) for name in names)


class Installer(Entry):
    """NVIDIA's own installer (a .run file), told by what it leaves; `what` it did, and what undoes it."""

    uninstaller: str
    what: str
    remedy: str


class NvidiaModule(Entry):
    """The kernel module, its licence by flavour, and the modules it takes the device from."""

    name: str
    licenses: dict[NvidiaModules, str]
    displaces: tuple[str, ...]


class DriverPin(Entry):
    """The driver's packages, and the Release labels of the sources that may have them."""

    labels: dict[NvidiaSource, tuple[str, ...]]
    packages: tuple[str, ...]


class Persistence(Entry):
    """The persistence daemon's unit and the command that turns persistence mode on."""

    unit: str
    command: str


class Daemons(Entry):
    """Processes that hold the device for everybody, by the first 15 characters of their name."""

    names: tuple[str, ...]


class NvSwitch(Entry):
    """PCI device ids of NVSwitches: GPUs behind one compute only while a fabric manager runs."""

    devices: tuple[DeviceId, ...]
    unit: str


class NvLink5(Entry):
    """Hosts whose NVSwitches are no PCI functions of NVIDIA's: several GPUs of these chips tell them."""

    codenames: tuple[str, ...]
    gpus: int
    source_required: NvidiaSource
    packages: tuple[str, ...]
    modules: tuple[str, ...]


class NvidiaDriver(Record):
    """Everything about NVIDIA's driver."""

    default_branch: Branch
    branches: dict[Branch, DriverBranch]
    archive: ArchivePackages
    cuda: CudaPackages
    kernel_module: NvidiaModule
    installer: Installer
    pin: DriverPin
    persistence: Persistence
    daemons: Daemons
    nvswitch: NvSwitch
    nvlink5: NvLink5
    unattended_upgrades: UnattendedUpgrades


class ToolkitPackages(Entry):
    """The container toolkit's packages, all at one exact version: this one, or a newer one that is there."""

    version: str
    minimum_safe: Version
    repository: str
    names: tuple[str, ...]
    foreign_sources: tuple[Url, ...]

    def package_version(self, release: str) -> str:
        """What dpkg calls a release: the package's revision is the same for all."""
        return f"{release}-{self.version.partition('-')[2]}"

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


class ToolkitOptions(Entry):
    """Options of the container runtime whose default is the only value that works here."""

    path: str
    values: dict[str, str]


class ContainerToolkit(Record):
    """NVIDIA Container Toolkit."""

    packages: ToolkitPackages
    runtime: ToolkitRuntime
    cdi: ToolkitCdi
    options: ToolkitOptions


class Cuda(Entry):
    """A CUDA version: the oldest driver that runs it, and the one it is paired with."""

    minimum_driver: Version
    paired_driver: Version


class BulletinSubject(Record):
    """What bulletins call a thing: one of several products on one platform."""

    products: tuple[str, ...]
    platform: str


class Bulletins(BulletinFolder):
    """NVIDIA's bulletins, and what they call the driver of a `{branch}` and the container toolkit."""

    driver: BulletinSubject
    container_toolkit: BulletinSubject


class NvidiaUpstreams(Record):
    """Where NVIDIA says what of these facts has changed."""

    releases: ReleaseList
    bulletins: Bulletins
