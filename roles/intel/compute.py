"""Intel's GPU user space from one channel, and the kernel module where the channel brings it."""

from __future__ import annotations

from roles.repositories import preference, repository
from xpulab.catalog.models import Catalog
from xpulab.lab import HostSettings
from xpulab.manifest import LoadedModule, Manifest, Package
from xpulab.target import Target


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The channel's packages under its own names; names of the other generation are absent."""
    driver = target.driver_of("intel")
    channel = catalog.intel_compute.channels[driver.branch]
    suite = channel.suites[target.os]
    names = tuple(name.format(kernel=target.kernel) for name in channel.kernel_packages + channel.packages)
    # The in-tree module has the same name: the running one must be the one that DKMS built.
    dkms = catalog.intel_compute.dkms_module
    module = LoadedModule(dkms.name, provided_by=(dkms.package,))
    return Manifest(
        repositories=(repository(channel.repository, target, settings, catalog, channel=suite),),
        files=preference(channel.repository, catalog),
        packages=tuple(Package(name) for name in names),
        absent_packages=channel.displaces,
        modules=(module,) if driver.modules == "dkms" else (),
        foreign_sources=dict.fromkeys(
            catalog.intel_compute.sources.foreign_sources,
            f"channels of Intel's GPU packages must not be mixed, and this host has {suite}",
        ),
    )
