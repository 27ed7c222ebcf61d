"""NVIDIA's driver from one source, its kernel module, and the persistence daemon."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds import apt_repository
from xpulab.desired.kinds.driven_device import DrivenDevice
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.foreign_installation import ForeignInstallation
from xpulab.desired.kinds.kernel import LoadedModule
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.role import Role
from xpulab.inventory.settings import HostSettings
from xpulab.probing.watched import Watched, WatchedModule
from xpulab.resolving.nvidia.entries import NVIDIA_SOURCES
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Driver, Target
from xpulab.roles.nvidia import archive, cuda_repository
from xpulab.roles.nvidia.branch import flavour, uses_nvidia
from xpulab.roles.templates import file

NOUVEAU = "/etc/modprobe.d/xpulab-nouveau.conf"
PREFERENCES = "/etc/apt/preferences.d/00-xpulab-nvidia.pref"


def wanted(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """One branch in one flavour from one source, nouveau kept out, every other source pinned away."""
    source, provided_by = _from_source(target, settings, catalog)
    module, persistence = (
        catalog.of(NvidiaFacts).driver.kernel_module,
        catalog.of(NvidiaFacts).driver.persistence,
    )
    drop_in = _drop_in(catalog)
    loaded = LoadedModule(
        module.name,
        license=module.licenses[flavour(target)],
        provided_by=provided_by,
        displaces=module.displaces,
        version_of=_carrier_of_version(target, catalog),
    )
    by_hand = catalog.of(NvidiaFacts).driver.installer
    return source + manifest(
        (
            _preferences(target.driver_of("nvidia"), catalog),
            # After the packages, so that a host keeps its display's driver where they cannot be had.
            file(NOUVEAU, displaces=module.displaces),
            # The unit that comes with the package runs the daemon with persistence mode off.
            file(drop_in, command=persistence.command),
            loaded,
            *(
                DrivenDevice(each.address, each.name, (module.name,))
                for each in target.accelerators
                if each.family in catalog.of(NvidiaFacts).families
            ),
            ForeignInstallation(by_hand.uninstaller, by_hand.what, by_hand.remedy),
            Unit(persistence.unit, configured_by=(drop_in,)),
        )
    )


def watched(settings: HostSettings, catalog: Catalog) -> Watched:
    """Repository, preferences, the persistence daemon, and the module beside the one it displaces."""
    data = catalog.of(NvidiaFacts).driver
    ids = [key for key, vendor in catalog.pci_vendors.items() if vendor.use == "nvidia"]
    names = (data.kernel_module.name, *data.kernel_module.displaces)
    return apt_repository.WATCHED + Watched(
        files=(NOUVEAU, PREFERENCES, _drop_in(catalog), data.installer.uninstaller),
        modules=tuple(WatchedModule(name, f"0x{key}") for key in ids for name in names),
        units=(data.persistence.unit,),
    )


def _from_source(
    target: Target, settings: HostSettings, catalog: Catalog
) -> tuple[Manifest, tuple[str, ...]]:
    """The source's part of the manifest, and the names of the packages that bring the modules."""
    if target.driver_of("nvidia").source == "cuda":
        return cuda_repository.packages(target, settings, catalog), cuda_repository.module_packages(
            target, catalog
        )
    return archive.packages(target, settings, catalog), archive.module_packages(target, catalog)


def _carrier_of_version(target: Target, catalog: Catalog) -> str:
    """A package that has the very version of the module."""
    if target.driver_of("nvidia").source == "cuda":
        return cuda_repository.module_packages(target, catalog)[0]
    return archive.user_space_packages(target, catalog)[0]


def _drop_in(catalog: Catalog) -> str:
    return f"/etc/systemd/system/{catalog.of(NvidiaFacts).driver.persistence.unit}.d/xpulab.conf"


def _preferences(driver: Driver, catalog: Catalog) -> File:
    """The first pin that names a package wins, and the pinning package of a branch brings one too."""
    data = catalog.of(NvidiaFacts).driver
    refused = [label for each in NVIDIA_SOURCES if each != driver.source for label in data.pin.labels[each]]
    return file(
        PREFERENCES,
        "before-packages",
        refused=refused,
        packages=data.pin.packages,
        # The archive's names bear their branch.
        branch=driver.branch if driver.source == "cuda" else None,
    )


ROLE = Role("nvidia-driver", wanted, uses_nvidia, watched)
