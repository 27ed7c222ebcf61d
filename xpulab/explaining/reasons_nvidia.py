"""Why an NVIDIA host gets its driver and its image."""

from __future__ import annotations

from collections.abc import Iterator

from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.explaining.reason import Reason
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.entries import NvidiaModules
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Accelerator, Driver, Target


def accelerator(found: Accelerator, catalog: Catalog) -> Reason:
    """A GPU told by its device id."""
    family, device = catalog.of(NvidiaFacts).families[found.family], found.pci_id[-4:]
    chips = next(each for each in family.chips if device in each)
    return Reason.of(
        "accelerator",
        f"{found.name} ({found.pci_id})",
        f"{found.family}, compute capability {found.compute_capability}: device id {device} lies between "
        f"{chips.first} and {chips.last} ({chips.codename})",
        family,
    )


def driver(target: Target, settings: HostSettings, catalog: Catalog) -> Iterator[Reason]:
    """Branch, flavour, source, container toolkit, fabric manager."""
    chosen, data = target.driver_of("nvidia"), catalog.of(NvidiaFacts).driver
    yield Reason.of(
        "driver branch", chosen.branch, _branch_rule(chosen, settings, catalog), data.branches[chosen.branch]
    )
    families = [
        catalog.of(NvidiaFacts).families[each.family]
        for each in target.accelerators
        if each.compute_capability
    ]
    yield Reason.of("kernel modules", chosen.modules, _modules_rule(chosen, target, catalog), families[0])
    yield _source(target, settings, catalog)
    toolkit = catalog.of(NvidiaFacts).container_toolkit.packages
    rule = f"all packages at one exact version; {toolkit.minimum_safe} or later has the security fixes"
    yield Reason.of("container toolkit", toolkit.version, rule, toolkit)
    if target.nvswitch == "nvlink5":
        rule = "several GPUs of this chip sit on an NVLink 5 board: CUDA starts only under a fabric manager"
        yield Reason.of("fabric manager", f"of branch {chosen.branch}, with nvlsm", rule, data.nvlink5)
    elif target.nvswitch:
        rule = "behind an NVSwitch, CUDA starts only under a fabric manager of the driver's version"
        yield Reason.of("fabric manager", f"of branch {chosen.branch}", rule, data.nvswitch)


def image_rule(target: Target, catalog: Catalog) -> str:
    """What makes the image lawful for the GPUs, and better than the others."""
    branch = catalog.of(NvidiaFacts).driver.branches[target.driver_of("nvidia").branch]
    image = next(each for each in catalog.every_image if each.reference == target.image.reference)
    cuda = catalog.of(NvidiaFacts).cuda[image.cuda or ""]
    capabilities = sorted(
        {each.compute_capability for each in target.accelerators if each.compute_capability}, key=release
    )
    driver = branch.at_least or target.driver_of("nvidia").branch
    paired = release(driver) >= release(cuda.paired_driver)
    return (
        f"have code for compute capability {', '.join(capabilities)}; CUDA {image.cuda} runs from driver "
        f"{cuda.minimum_driver} on and is paired with {cuda.paired_driver}, the host has {driver} or later"
        + ("" if paired else " (not paired: no just-in-time compilation)")
    )


def _branch_rule(chosen: Driver, settings: HostSettings, catalog: Catalog) -> str:
    branch = catalog.of(NvidiaFacts).driver.branches[chosen.branch]
    why = "policy asks for it" if settings.policy.nvidia_driver else "the default, which drives every family"
    floor = f"; {branch.security_floor} or later has the security fixes" if branch.security_floor else ""
    return f"{why}; {branch.kind} branch, end of life {branch.end_of_life:%B %Y}{floor}"


def _modules_rule(chosen: Driver, target: Target, catalog: Catalog) -> str:
    other: NvidiaModules = "proprietary" if chosen.modules == "open" else "open"
    for each in target.accelerators:
        if not each.compute_capability:
            continue
        family = catalog.of(NvidiaFacts).families[each.family]
        chips = next(chips for chips in family.chips if each.pci_id[-4:] in chips)
        if other not in (chips.modules or family.modules):
            return f"{family.title} needs the {chosen.modules} modules"
    if chosen.modules == "proprietary":
        return f"branch {chosen.branch} comes with these"
    return "open where every GPU allows it: Turing and later"


def _source(target: Target, settings: HostSettings, catalog: Catalog) -> Reason:
    chosen, data = target.driver_of("nvidia"), catalog.of(NvidiaFacts).driver
    title = catalog.operating_systems[target.os].title
    if chosen.source == "archive":
        rule = "the archive has the branch, with modules that Canonical signs: no DKMS, fine with Secure Boot"
        return Reason.of("driver source", f"archive of {title}", rule, data.archive)
    if settings.policy.nvidia_source == "cuda":
        rule = "policy asks for it"
    elif target.nvswitch == "nvlink5":
        rule = "nvlsm comes from there"
    else:
        rule = f"the archive of {title} does not have the branch"
    rule += "; DKMS builds the modules, and the archive's driver is pinned away"
    return Reason.of("driver source", "NVIDIA's CUDA repository", rule, data.cuda)
