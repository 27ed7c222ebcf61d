"""NVIDIA's driver from one source, its kernel module, and the persistence daemon."""

from __future__ import annotations

from typing import NamedTuple

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import File, LoadedModule, Manifest, Unit
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.entries import NVIDIA_SOURCES
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Driver, Target
from xpulab.roles.nvidia import archive, cuda_repository
from xpulab.roles.nvidia.branch import flavour
from xpulab.roles.templates import file


class _Files(NamedTuple):
    early: tuple[File, ...]
    drop_in: File


def manifest(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """One branch in one flavour from one source, nouveau kept out, every other source pinned away."""
    driver = target.driver_of("nvidia")
    source, provided_by = _from_source(target, settings, catalog)
    data = catalog.of(NvidiaFacts).driver
    module, persistence = data.kernel_module, data.persistence
    files = _files(driver, catalog)
    loaded = LoadedModule(
        module.name,
        license=module.licenses[flavour(target)],
        provided_by=provided_by,
        displaces=module.displaces,
    )
    return source + Manifest(
        files=(*files.early, files.drop_in),
        modules=(loaded,),
        units=(Unit(persistence.unit, configured_by=(files.drop_in.path,)),),
    )


def _from_source(
    target: Target, settings: HostSettings, catalog: Catalog
) -> tuple[Manifest, tuple[str, ...]]:
    """The source's part of the manifest, and the names of the packages that bring the modules."""
    if target.driver_of("nvidia").source == "cuda":
        return cuda_repository.manifest(target, settings, catalog), cuda_repository.module_packages(
            target, catalog
        )
    return archive.manifest(target, settings, catalog), archive.module_packages(target, catalog)


def _files(driver: Driver, catalog: Catalog) -> _Files:
    data = catalog.of(NvidiaFacts).driver
    refused = [label for each in NVIDIA_SOURCES if each != driver.source for label in data.pin.labels[each]]
    early = (
        file(
            "/etc/modprobe.d/xpulab-nouveau.conf", "before-packages", displaces=data.kernel_module.displaces
        ),
        file(
            # The first pin that names a package wins, and the pinning package of a branch brings one too.
            "/etc/apt/preferences.d/00-xpulab-nvidia.pref",
            "before-packages",
            refused=refused,
            packages=data.pin.packages,
            # The archive's names bear their branch.
            branch=driver.branch if driver.source == "cuda" else None,
        ),
    )
    # The unit that comes with the package runs the daemon with persistence mode off.
    path = f"/etc/systemd/system/{data.persistence.unit}.d/xpulab.conf"
    return _Files(early, file(path, command=data.persistence.command))
