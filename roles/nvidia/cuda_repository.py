"""NVIDIA's driver from the CUDA repository: DKMS builds its modules on the host."""

from __future__ import annotations

from xpulab.catalog.models import Catalog
from xpulab.desired.kinds.kernel_headers import KernelHeaders
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.manifest import Manifest, manifest
from xpulab.desired.repositories import repository_for
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target
from xpulab.roles.nvidia.branch import OTHER, flavour, of_other_branches


def packages(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """One branch and what DKMS needs to build it; other branches and the archive's driver absent.

    From branch 590 on a name does not tell its branch: versions below it or of the next one are drift.
    """
    cuda, branch = catalog.of(NvidiaFacts).driver.cuda, target.driver_of("nvidia").branch
    floor = catalog.of(NvidiaFacts).driver.branches[branch].security_floor or branch
    pinning = tuple(name.format(branch=branch) for name in cuda.pinning)
    absent = _absent(target, catalog)
    return manifest(
        (
            repository_for(target.os, cuda.repository, settings, catalog),
            *(Package(name) for name in (*pinning, *_build_packages(target, catalog))),
            _headers(target, catalog),
            *(
                Package(name, minimum=floor, below=str(int(branch) + 1), used_as="accelerators")
                for name in module_packages(target, catalog)
            ),
            AbsentPackages(absent, {"accelerators": absent}),
        )
    )


def module_packages(target: Target, catalog: Catalog) -> tuple[str, ...]:
    """The meta packages that bring the whole driver, modules included."""
    return catalog.of(NvidiaFacts).driver.cuda.driver(target.driver_of("nvidia").branch, flavour(target))


def _headers(target: Target, catalog: Catalog) -> KernelHeaders:
    """Headers of the running kernel, or a newer kernel with its own where nobody has them any more."""
    names = catalog.operating_systems[target.os].kernel_packages
    newer = (names.meta, names.headers_of_flavour)
    return KernelHeaders(
        names.headers.format(kernel=target.kernel),
        tuple(each.format(kernel_flavour=target.kernel_flavour) for each in newer),
        names.headers.format(kernel=""),
    )


def _build_packages(target: Target, catalog: Catalog) -> tuple[str, ...]:
    """Headers of the kernels to come, and the compiler that the kernel was built with."""
    system = catalog.operating_systems[target.os]
    headers = system.kernel_packages.headers_of_flavour.format(kernel_flavour=target.kernel_flavour)
    # A flavour's meta package may bring a newer series than the one that runs.
    majors = {
        kernel.series.partition(".")[0]
        for kernel in system.kernels
        if kernel.flavour == target.kernel_flavour
    }
    compilers = catalog.of(NvidiaFacts).driver.cuda.compilers.get(target.os, {})
    needed = (name for major in sorted(majors) for name in compilers.get(major, ()))
    return (headers, *needed)


def _absent(target: Target, catalog: Catalog) -> tuple[str, ...]:
    driver, branch = catalog.of(NvidiaFacts).driver, target.driver_of("nvidia").branch
    plain = {name for names in driver.cuda.plain.values() for name in names}
    wanted = set(module_packages(target, catalog))
    return tuple(
        dict.fromkeys(
            (
                *driver.cuda.displaces,
                *driver.cuda.driver(branch, OTHER[flavour(target)]),
                *sorted(plain - wanted),
                *of_other_branches(driver.cuda.of_other_branch, target, catalog),
            )
        )
    )
