"""Why a target is what it is: for each choice the answer, the rule behind it, and the rule's source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xpulab.catalog.entry import Entry
from xpulab.catalog.models import Catalog
from xpulab.explaining import reasons_intel, reasons_nvidia
from xpulab.explaining.reason import Reason
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Accelerator, Target


@dataclass(frozen=True)
class _Vendor:
    accelerator: Callable[[Accelerator, Catalog], Reason]
    driver: Callable[[Target, HostSettings, Catalog], Iterator[Reason]]


VENDORS = {
    "nvidia": _Vendor(reasons_nvidia.accelerator, reasons_nvidia.driver),
    "intel": _Vendor(reasons_intel.accelerator, reasons_intel.driver),
}


def reasons(target: Target, settings: HostSettings, catalog: Catalog) -> tuple[Reason, ...]:
    """The choices made for a host, each once, in the order in which they were made."""
    return tuple(dict.fromkeys(_reasons(target, settings, catalog)))


def _reasons(target: Target, settings: HostSettings, catalog: Catalog) -> Iterator[Reason]:
    for accelerator in target.accelerators:
        vendor = "nvidia" if accelerator.compute_capability else "intel"
        yield VENDORS[vendor].accelerator(accelerator, catalog)
    for vendor in target.vendors:
        if vendor in VENDORS:
            yield from VENDORS[vendor].driver(target, settings, catalog)
    yield _kernel(target, catalog)
    yield _engine(settings, catalog)
    yield _image(target, settings, catalog)


def _kernel(target: Target, catalog: Catalog) -> Reason:
    system = catalog.operating_systems[target.os]
    upgrade = target.kernel_upgrade
    if upgrade:
        return Reason.of(
            "kernel",
            f"{upgrade.package}, then a reboot",
            f"the accelerator needs kernel {upgrade.series} or later, and {target.kernel} runs",
            system,
        )
    return Reason.of(
        "kernel", target.kernel, f"it suits the driver; its packages follow {target.kernel_flavour}", system
    )


def _engine(settings: HostSettings, catalog: Catalog) -> Reason:
    name = settings.policy.engine
    return Reason.of("containers", name, "policy engine, which defaults to docker.io", catalog.docker[name])


def _image(target: Target, settings: HostSettings, catalog: Catalog) -> Reason:
    source: Entry = catalog.images[target.image.repository]
    asked = settings.policy.torch
    best = f"nearest to PyTorch {asked}, which policy asks for," if asked else "newest PyTorch"
    if target.vendor == "nvidia":
        rule = reasons_nvidia.image_rule(target, catalog)
    elif target.vendor == "intel":
        rule = f"serve {reasons_intel.families(target, catalog)}"
    else:
        rule = "are built for the CPU"
    return Reason.of("image", target.image.reference, f"{best} among the images that {rule}", source)
