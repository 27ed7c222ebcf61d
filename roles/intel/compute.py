"""Intel's GPU user space from one channel, and the kernel module where the channel brings it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from xpulab.catalog.models import Catalog
from xpulab.desired import record
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.apt_repository import AptRepository, ForeignSources
from xpulab.desired.kinds.driven_device import DrivenDevice
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.kernel import LoadedModule
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.origin import Origin
from xpulab.desired.repositories import repository_for
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched, WatchedModule
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Target
from xpulab.roles.preference import preference
from xpulab.roles.preference import watched as watched_preference
from xpulab.roles.templates import file

PIN = "/etc/apt/preferences.d/00-xpulab-intel.pref"


def applies(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether the host uses Intel GPUs."""
    return "intel" in target.vendors


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The channel's packages under its own names; names of the other generation are absent."""
    driver = target.driver_of("intel")
    facts = catalog.of(IntelFacts)
    channel = facts.compute.channels[driver.branch].on(target.os)
    suite = channel.suites[target.os]
    source = (
        repository_for(target.os, channel.repository, settings, catalog, channel=suite)
        if channel.repository
        else None
    )
    names = channel.kernel_packages + channel.packages
    build = tuple(name.format(kernel=target.kernel) for name in channel.build_packages)
    origin = Origin(source, "intel", driver.branch) if source else None
    # The in-tree module has the same name: the running one must be the one that DKMS built.
    dkms = facts.compute.dkms_module
    module = LoadedModule(dkms.name, provided_by=(dkms.package,))
    reason = f"channels of Intel's GPU packages must not be mixed, and this host has {suite}"
    return manifest(
        (
            *_chosen(source, names, catalog),
            *(Package(name) for name in (*build, *channel.tools)),
            *(Package(name, origin=origin, used_as="accelerators") for name in names),
            AbsentPackages(channel.displaces, {"accelerators": channel.displaces}),
            *([module] if driver.modules == "dkms" else []),
            *_driven(target, catalog),
            ForeignSources.of(facts.compute.sources.foreign_sources, reason),
        )
    )


def _driven(target: Target, catalog: Catalog) -> Iterator[DrivenDevice]:
    """Each GPU of Intel's in the hands of a driver; not before a kernel has booted that has one."""
    if target.kernel_upgrade:
        return
    families, system = catalog.of(IntelFacts).devices, catalog.operating_systems[target.os]
    known = {family.driver for family in families.values()}
    in_tree = target.driver_of("intel").modules == "in-tree"
    extra = tuple(name.format(kernel=target.kernel) for name in system.kernel_packages.more_modules)
    for each in target.accelerators:
        if each.family in families:
            own = families[each.family].driver
            drivers = (own, *sorted(known - {own})) if in_tree else (own,)
            yield DrivenDevice(each.address, each.name, drivers, True, loads=in_tree, provided_by=extra)


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """Repository and preferences, and both modules that drive Intel GPUs, where one is there."""
    drivers = sorted({family.driver for family in catalog.of(IntelFacts).devices.values()})
    ids = [key for key, vendor in catalog.pci_vendors.items() if vendor.use == "intel"]
    modules = tuple(WatchedModule(driver, f"0x{key}") for key in ids for driver in drivers)
    channels = catalog.of(IntelFacts).compute.channels.values()
    origins = tuple(name for each in channels for name in (*each.packages, *each.kernel_packages))
    own = Watched(
        files=(PIN,), contents=(record.PATH,), modules=modules, origins=tuple(dict.fromkeys(origins))
    )
    return apt_repository.WATCHED + watched_preference(settings, catalog) + own


def _chosen(
    source: AptRepository | None, names: tuple[str, ...], catalog: Catalog
) -> Iterator[AptRepository | File]:
    """The repository, and what makes apt take the packages from there; nothing for the system's archive."""
    if source:
        yield source
        yield from preference(source.name, catalog) or (_pin(source, names),)


def _pin(source: AptRepository, names: tuple[str, ...]) -> File:
    """apt goes back to an older version, too, where the channel that has it is the one to be used."""
    return file(PIN, "before-packages", packages=names, server=urlsplit(source.uri).hostname)


ROLE = Role("intel-compute", wanted, applies, watched)
