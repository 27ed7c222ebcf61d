"""Intel's GPU user space from one channel, and the kernel module where the channel brings it."""

from __future__ import annotations

from urllib.parse import urlsplit

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import AptRepository, File, LoadedModule, Manifest, Package
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Target
from xpulab.roles.repositories import preference, repository
from xpulab.roles.templates import file


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The channel's packages under its own names; names of the other generation are absent."""
    driver = target.driver_of("intel")
    channel = catalog.of(IntelFacts).compute.channels[driver.branch]
    suite = channel.suites[target.os]
    names = tuple(name.format(kernel=target.kernel) for name in channel.kernel_packages + channel.packages)
    # The in-tree module has the same name: the running one must be the one that DKMS built.
    dkms = catalog.of(IntelFacts).compute.dkms_module
    module = LoadedModule(dkms.name, provided_by=(dkms.package,))
    source = repository(channel.repository, target, settings, catalog, channel=suite)
    return Manifest(
        repositories=(source,),
        files=preference(channel.repository, catalog) or (_pin(source, names),),
        packages=tuple(Package(name, channel=driver.branch) for name in names),
        absent_packages=channel.displaces,
        modules=(module,) if driver.modules == "dkms" else (),
        foreign_sources=dict.fromkeys(
            catalog.of(IntelFacts).compute.sources.foreign_sources,
            f"channels of Intel's GPU packages must not be mixed, and this host has {suite}",
        ),
    )


def _pin(source: AptRepository, names: tuple[str, ...]) -> File:
    """apt goes back to an older version, too, where the channel that has it is the one to be used."""
    path = "/etc/apt/preferences.d/00-xpulab-intel.pref"
    return file(path, "before-packages", packages=names, server=urlsplit(source.uri).hostname)
