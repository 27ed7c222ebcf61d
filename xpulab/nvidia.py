"""What NVIDIA GPUs call for: driver branch, flavour of the kernel modules, image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from xpulab import images
from xpulab.accelerators import NvidiaGpu
from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.catalog.nvidia import DriverBranch, NvidiaModules
from xpulab.kernels import identify
from xpulab.lab import Policy
from xpulab.observed import Observed
from xpulab.plan import Plan
from xpulab.target import Driver, Refusal


def plan(gpus: Sequence[NvidiaGpu], observed: Observed, policy: Policy, catalog: Catalog) -> Plan | Refusal:
    """The plan for a host's NVIDIA GPUs; its system is one of the catalog's.

    Secure Boot makes no difference: the archive's modules are signed with a key that shim trusts.
    """
    if refusal := _nvswitch(observed, catalog):
        return refusal
    modules = _modules(gpus)
    if isinstance(modules, Refusal):
        return modules
    branch = _branch(gpus, modules, observed.os, policy.nvidia_driver, catalog)
    if isinstance(branch, Refusal):
        return branch
    kernel = identify(observed.kernel, catalog.operating_systems[observed.os])
    if isinstance(kernel, Refusal):
        return kernel
    at_least = catalog.nvidia_driver.branches[branch].at_least or branch
    image = images.for_nvidia(gpus, at_least, policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    return Plan(
        "nvidia",
        tuple(gpu.accelerator for gpu in gpus),
        Driver(branch, modules),
        kernel.flavour,
        *image,
    )


def _nvswitch(observed: Observed, catalog: Catalog) -> Refusal | None:
    """CUDA does not start behind an NVSwitch without a fabric manager of the driver's very version."""
    for function in observed.pci:
        if function.vendor == "10de" and function.device in catalog.nvidia_driver.nvswitch.devices:
            return Refusal(
                reason=f"its GPUs sit behind an NVSwitch ({function.pci_id} at {function.address}), "
                "and xpulab does not install the fabric manager they need yet",
                remedy="provision this host by hand, or set policy unsupported: cpu",
            )
    return None


def _modules(gpus: Sequence[NvidiaGpu]) -> NvidiaModules | Refusal:
    """The flavour that fits all GPUs, open before proprietary.

    NVIDIA's rule: open from Turing on, required by Blackwell; proprietary before Turing, and where old
    and new share a host (https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/kernel-modules.html).
    """
    flavours: tuple[NvidiaModules, ...] = ("open", "proprietary")
    for flavour in flavours:
        if all(flavour in _allowed(gpu) for gpu in gpus):
            return flavour
    clash = next(
        pair for pair in combinations(gpus, 2) if not set(_allowed(pair[0])) & set(_allowed(pair[1]))
    )
    words = " and ".join(f"{gpu.label} needs the {' or '.join(_allowed(gpu))} modules" for gpu in clash)
    return Refusal(
        reason=f"two GPUs of this host cannot share a driver: {words}",
        remedy="move one of them to another host, or set policy unsupported: cpu",
    )


def _allowed(gpu: NvidiaGpu) -> tuple[NvidiaModules, ...]:
    return gpu.chips.modules or gpu.family.modules


def _branch(
    gpus: Sequence[NvidiaGpu], modules: NvidiaModules, system: str, asked: str | None, catalog: Catalog
) -> str | Refusal:
    """The branch asked for or the default, if nothing speaks against it."""
    driver = catalog.nvidia_driver
    lawful = [
        branch for branch in driver.branches if _obstacle(branch, gpus, modules, system, catalog) is None
    ]
    branch = asked or driver.default_branch
    if branch in lawful:
        return branch
    if asked is None and lawful:
        return lawful[-1]
    why = _obstacle(branch, gpus, modules, system, catalog)
    would_do = f"set policy nvidia_driver to {' or '.join(lawful)}" if lawful else "replace the card"
    return Refusal(reason=f"NVIDIA driver branch {branch} will not do: {why}", remedy=would_do)


def _obstacle(
    branch: str, gpus: Sequence[NvidiaGpu], modules: NvidiaModules, system: str, catalog: Catalog
) -> str | None:
    """Why a branch cannot drive these GPUs on this system, None when it can."""
    found = catalog.nvidia_driver.branches.get(branch)
    if found is None:
        return f"the catalog has only {', '.join(catalog.nvidia_driver.branches)}"
    if found.state == "end-of-life":
        return f"it has had no security fixes since {found.end_of_life:%B %Y}"
    for gpu in gpus:
        if gpu.family.last_branch and int(branch) > int(gpu.family.last_branch):
            return f"{gpu.label} is {gpu.family.title}, whose last branch is {gpu.family.last_branch}"
        if _too_old_for(gpu, branch, found):
            return f"{gpu.label} needs driver {gpu.chips.first_driver} or later"
    if modules not in found.modules:
        return f"it has no {modules} kernel modules, which {gpus[0].label} needs"
    if system not in found.archive:
        return f"the archive of {catalog.operating_systems[system].title} has no packages of it"
    return None


def _too_old_for(gpu: NvidiaGpu, branch: str, found: DriverBranch) -> bool:
    return gpu.chips.first_driver is not None and release(found.at_least or branch) < release(
        gpu.chips.first_driver
    )
