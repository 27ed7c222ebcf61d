"""Intel: GPU families, channels of the apt repository, oneAPI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xpulab.catalog.entry import DeviceId, Entry, Record, Url, Version
from xpulab.catalog.systems import UnattendedUpgrades


class IntelFamily(Entry):
    """Intel GPUs of one generation; `kernel` is the first series with full support.

    `integrated` ones are part of a processor, and not used beside a card. `listed_on` names the systems where
    PyTorch lists the family, where these are not all.
    """

    title: str
    pytorch: Literal["supported", "preview", "none"]
    driver: Literal["i915", "xe"]
    integrated: bool = False
    listed_on: tuple[str, ...] = ()
    kernel: Version | None = None
    kernels: dict[DeviceId, Version] = Field(default_factory=dict)
    devices: dict[str, tuple[DeviceId, ...]]

    def kernel_for(self, device: str) -> str | None:
        """The first kernel series with full support for a device, None when its channel brings the module."""
        return self.kernels.get(device, self.kernel)


class IntegratedPosition(Entry):
    """The PCI address of a processor's own GPU."""

    address: str


class IntelIntegrated(Record):
    """GPUs that are part of a processor."""

    position: IntegratedPosition


class ChannelFirmware(Record):
    """Files that the kernel's driver loads, which the channel's packages must hold, and their component."""

    component: str
    files: tuple[str, ...]


class ChannelOnSystem(Entry):
    """What differs on one of a channel's systems; with `own_archive` its packages are the system's own."""

    own_archive: bool = False
    families: tuple[str, ...]
    packages: tuple[str, ...]


class IntelChannel(Entry):
    """Where a host's Intel packages come from: whom it serves, and its package names.

    `kernel_packages` bring a module of its own, `build_packages` (with `{kernel}`) are what the system has
    for it.

    One without user space (`user_space_in_image`) is a channel of the distribution's own. `systems` are those
    where it differs; there is no `repository` where a system's own archive has the packages.
    """

    repository: str | None
    suites: dict[str, str]
    modules: Literal["in-tree", "dkms"]
    families: tuple[str, ...]
    kernels: dict[str, tuple[Version, ...]] = Field(default_factory=dict)
    packages: tuple[str, ...]
    tools: tuple[str, ...] = ()
    """Packages that may come from any source: the channel does not have them everywhere."""
    kernel_packages: tuple[str, ...] = ()
    build_packages: tuple[str, ...] = ()
    firmware: ChannelFirmware | None = None
    displaces: tuple[str, ...]
    unvalidated: tuple[str, ...] = ()
    user_space_in_image: bool = False
    opt_in: bool = False
    systems: dict[str, ChannelOnSystem] = Field(default_factory=dict)

    def on(self, system: str) -> IntelChannel:
        """The channel as it is on a system."""
        there = self.systems.get(system)
        if there is None:
            return self
        return self.model_copy(
            update={
                "source": there.source,
                "as_of": there.as_of,
                "repository": None if there.own_archive else self.repository,
                "families": there.families,
                "packages": there.packages,
            }
        )


class IntelModule(Entry):
    """The kernel module that the DKMS package builds."""

    name: str
    package: str


class IntelSources(Entry):
    """Prefixes of apt sources that must not stand beside the chosen channel."""

    foreign_sources: tuple[Url, ...]


class IntelCompute(Record):
    """Intel's GPU user space."""

    channels: dict[str, IntelChannel]
    dkms_module: IntelModule
    sources: IntelSources
    unattended_upgrades: UnattendedUpgrades


class OneapiRuntime(Entry):
    """The oneAPI runtime's packages; `newest` is the newest version of the first one that was seen."""

    repository: str
    packages: Annotated[tuple[str, ...], Field(min_length=1)]
    newest: str
    foreign_sources: tuple[Url, ...]


class IntelOneapi(Record):
    """Intel oneAPI."""

    runtime: OneapiRuntime
