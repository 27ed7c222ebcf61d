"""The running kernel among those the catalog knows for its operating system, and the one to run instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from xpulab.catalog.entry import release as numbers
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import CPU_INSTEAD, KernelUpgrade
from xpulab.schema.refusal import Refusal

NO_FLAVOUR = "unknown"
"""Of a kernel that the catalog does not know, on a host that needs no module for it."""
# Such as 5.15.0-161-generic or Debian's 6.1.0-28-amd64, 6.5.0-0.deb12.4-amd64, 6.12.12+bpo-amd64 and
# 6.12.95+deb12-cloud-amd64: series, patch level, ABI, flavour suffix. The ABI of a build that is not the
# distribution's begins with a nought (6.11.0-061100-generic), and no package of modules follows it.
UNAME = re.compile(
    r"(?P<series>\d{1,3}\.\d{1,3})\.\d+(-[1-9]\d*|-0\.deb\d+\.\d+|\+bpo|\+deb\d+)+"
    r"-(?P<suffix>[a-z][a-z0-9-]*)",
    re.ASCII,
)


def identify(
    release: str, system: OperatingSystem, suits: Callable[[Kernel], bool] = lambda kernel: True
) -> Kernel | Refusal:
    """The catalog's kernel that `uname -r` names, or a refusal that says which of those that suit would do.

    Flavours roll on, and hosts stay behind: a series that is not listed is what its suffix leads to next.
    A refusal is for a suffix that the system does not have, and for a series older than any of it.
    """
    found = UNAME.fullmatch(release)
    same = system.kernels_by_suffix.get(found["suffix"], ()) if found else ()
    if found and same and numbers(found["series"]) >= numbers(same[0].series):
        series = numbers(found["series"])
        follows = next((each for each in same if numbers(each.series) >= series), None)
        if follows is None:
            return same[-1].model_copy(update={"series": found["series"]})
        if follows.series == found["series"]:
            return follows
        return follows.model_copy(update={"series": found["series"], "superseded": True})
    suffix = found["suffix"] if found else ""
    instead = best(suffix, system, suits)
    return Refusal(
        reason=f"kernel {release or '(none)'} is not one that xpulab knows drivers for on {system.title}",
        remedy=f"apt install {system.meta_package(instead)} ({instead.title}, {instead.series}), "
        "reboot into it, and run again"
        if instead
        else CPU_INSTEAD,
    )


def best(suffix: str, system: OperatingSystem, suits: Callable[[Kernel], bool]) -> Kernel | None:
    """The one kernel to name in a remedy: of the host's own flavour and archive if one of these suits."""
    there = [each for each in system.kernels if not each.superseded and suits(each)]
    return min(there, key=lambda each: (each.repository is not None, each.suffix != suffix), default=None)


def newer_than_known(release: str, system: OperatingSystem) -> str | None:
    """A note on a kernel of a known flavour and of a series that the catalog does not have yet."""
    kernel = identify(release, system)
    if isinstance(kernel, Refusal):
        return None
    newest = system.kernels_by_suffix[kernel.suffix][-1].series
    if numbers(kernel.series) <= numbers(newest):
        return None
    return (
        f"kernel {release} is newer than any that xpulab knows of its flavour on {system.title} "
        f"(up to {newest}): signed, in-tree and DKMS modules follow it"
    )


def upgrade(running: Kernel, needed: str, system: OperatingSystem) -> KernelUpgrade | None:
    """The upgrade to the first series from `needed` on that a meta package brings today, None without one.

    A later kernel boots by itself once it is installed; an earlier one would not, so this never goes back.
    """
    if not running.suffix.startswith(("generic", "amd64")):
        return None  # cloud, OEM and lowlatency kernels are an owner's choice
    for kernel in system.kernels:
        fits = numbers(kernel.series) >= numbers(needed) and kernel.suffix == running.suffix
        if fits and not kernel.superseded:
            return KernelUpgrade(system.meta_package(kernel), needed, kernel.flavour, kernel.repository)
    return None


def would_boot_instead(
    running: Kernel, allowed: Collection[str], packages: Collection[str], system: OperatingSystem
) -> tuple[str, ...]:
    """Installed packages of later kernels than the running one and of series that are not allowed.

    The boot loader takes the latest kernel, so the next boot leaves the allowed one. First the images of
    such kernels, then what brings them and their updates.
    """
    images = [
        name
        for name in packages
        if (series := _series_of_image(name, system)) is not None
        and series not in allowed
        and numbers(series) > numbers(running.series)
    ]
    flavours = {each.flavour for each in system.kernels if each.series not in allowed}
    flavours -= {each.flavour for each in system.kernels if each.series in allowed and not each.superseded}
    metas = [
        name
        for flavour in flavours
        for name in (each.format(kernel_flavour=flavour) for each in system.kernel_packages.of_flavour)
        if name in packages
    ]
    return (*sorted(images), *sorted(metas)) if images else ()


def _series_of_image(package: str, system: OperatingSystem) -> str | None:
    """The series of the kernel whose image a package is, None for any other package."""
    for beginning in system.kernel_packages.images:
        found = UNAME.fullmatch(package.removeprefix(beginning)) if package.startswith(beginning) else None
        if found:
            return found["series"]
    return None


def flavour_suffix(release: str) -> str | None:
    """What ends `uname -r` of a kernel of a flavour, such as `generic`; None for an unreadable name."""
    found = UNAME.fullmatch(release)
    return found["suffix"] if found else None


def is_older(release: str, series: str) -> bool:
    """Whether the kernel that `uname -r` names is of an older series; an unreadable name is not."""
    found = UNAME.fullmatch(release)
    return found is not None and numbers(found["series"]) < numbers(series)


def why_kernel(running: str, flavour: str, change: KernelUpgrade | None, system: OperatingSystem) -> Reason:
    """Why the kernel stays, or why another one is installed."""
    if change is None:
        any_will_do = "any will do without an accelerator"
        suits = any_will_do if flavour == NO_FLAVOUR else f"it will do; packages for it follow {flavour}"
        return Reason("kernel", running, suits, system)
    return Reason(
        "kernel",
        f"{change.package}, then a reboot",
        f"the accelerator needs kernel {change.series} or later, and {running} runs",
        system,
    )
