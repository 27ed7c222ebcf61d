"""What NVIDIA GPUs call for: driver, fabric manager, image."""

from __future__ import annotations

from collections.abc import Sequence

from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving import images
from xpulab.resolving.accelerators import NvidiaGpu, is_nvswitch
from xpulab.resolving.kernels import identify
from xpulab.resolving.nvidia.driver import Question, choose
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.plan import Plan
from xpulab.resolving.target import Driver, NvSwitches, Refusal


def plan(gpus: Sequence[NvidiaGpu], observed: Observed, policy: Policy, catalog: Catalog) -> Plan | Refusal:
    """The plan for a host's NVIDIA GPUs; its system is one of the catalog's."""
    nvswitch = _nvswitch(gpus, observed, catalog)
    driver = choose(Question(gpus, observed, policy, catalog, nvswitch))
    if isinstance(driver, Refusal):
        return driver
    kernel = identify(observed.kernel, catalog.operating_systems[observed.os])
    if isinstance(kernel, Refusal):
        return kernel
    at_least = catalog.of(NvidiaFacts).driver.branches[driver.branch].at_least or driver.branch
    image = images.for_nvidia(gpus, at_least, policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    chosen, notes = image
    return Plan(
        "nvidia",
        tuple(gpu.accelerator for gpu in gpus),
        driver,
        kernel.flavour,
        chosen,
        (*_notes(driver, observed, policy, catalog), *notes),
        nvswitch=nvswitch,
    )


def _nvswitch(gpus: Sequence[NvidiaGpu], observed: Observed, catalog: Catalog) -> NvSwitches | None:
    """What joins the GPUs, if CUDA needs a fabric manager for it.

    NVSwitches up to Hopper are PCI functions. From Blackwell on (NVLink 5) they are managed through network
    adapters and tell nothing by their PCI ids, but these chips come on no other boards.
    """
    data = catalog.of(NvidiaFacts).driver
    if sum(gpu.chips.codename in data.nvlink5.codenames for gpu in gpus) >= data.nvlink5.gpus:
        return "nvlink5"
    switches = any(is_nvswitch(each.vendor, each.device, catalog) for each in observed.pci)
    return "nvswitch" if switches else None


def _notes(driver: Driver, observed: Observed, policy: Policy, catalog: Catalog) -> tuple[str, ...]:
    branch = catalog.of(NvidiaFacts).driver.branches[driver.branch]
    notes = []
    if branch.state == "end-of-life":
        notes.append(
            f"driver branch {driver.branch} has had no security fixes since {branch.end_of_life:%B %Y}: "
            "policy allows it"
        )
    if driver.source == "cuda" and branch.note:
        notes.append(f"driver branch {driver.branch}: {branch.note}")
    if engine := catalog.docker[policy.engine].notes.get(observed.os):
        notes.append(engine)
    return tuple(notes)
