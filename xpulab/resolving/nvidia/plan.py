"""What NVIDIA GPUs call for: driver, fabric manager, image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.kernels import identify
from xpulab.resolving.nvidia import images
from xpulab.resolving.nvidia.driver import Question, choose
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.nvidia.gpus import NvidiaGpu, fabric_of, gpus_of
from xpulab.resolving.plan import Plan
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import Accelerator, Driver
from xpulab.schema.refusal import Refusal


def plan(
    accelerators: Sequence[Accelerator], observed: Observed, policy: Policy, catalog: Catalog
) -> Plan | Refusal:
    """The plan for a host's NVIDIA GPUs; its system is one of the catalog's."""
    gpus, facts = gpus_of(accelerators, catalog), catalog.of(NvidiaFacts)
    if refusal := _of_another_architecture(gpus, observed):
        return refusal
    if refusal := _unsafe_toolkit(policy, facts):
        return refusal
    joined = fabric_of(gpus, observed, catalog)
    fabric = joined if policy.fabric_manager == "auto" else None
    choice = choose(Question(gpus, observed, policy, catalog, fabric))
    if isinstance(choice, Refusal):
        return choice
    kernel = identify(observed.kernel, catalog.operating_systems[observed.os])
    if isinstance(kernel, Refusal):
        return kernel
    driver = choice.driver
    at_least = facts.driver.branches[driver.branch].at_least or driver.branch
    image = images.choose(gpus, at_least, policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    (chosen, notes), why = image
    return Plan(
        "nvidia",
        tuple(accelerators),
        driver,
        kernel.flavour,
        chosen,
        (*_notes(driver, observed, policy, catalog), *_unmanaged(joined, fabric), *notes),
        any_kernel=True,
        fabric=fabric,
        about_accelerators=tuple(gpu.reason for gpu in gpus),
        about_driver=(*choice.reasons, *_beside_the_driver(driver, fabric, policy, facts)),
        about_image=(why,),
    )


def _of_another_architecture(gpus: Sequence[NvidiaGpu], observed: Observed) -> Refusal | None:
    """A refusal of a GPU that no host of this architecture has: a description of one is a mistake.

    Source: Grace, GB200, GB300 and DGX Spark are aarch64 systems, NVIDIA's product pages as of 2026-11-26.
    """
    for gpu in gpus:
        if (
            gpu.accelerator.pci_id[-4:].lower() in gpu.family.aarch64_only
            and observed.architecture != "aarch64"
        ):
            return Refusal(
                reason=f"{gpu.label} exists on aarch64 hosts alone, which xpulab does not provision",
                remedy="leave it to its own system (DGX OS, say), or correct the id",
            )
    return None


def _unsafe_toolkit(policy: Policy, facts: NvidiaFacts) -> Refusal | None:
    """A refusal of a pinned version out of which containers escape."""
    toolkit, pinned = facts.container_toolkit.packages, policy.container_toolkit
    if pinned is None or release(pinned) >= release(toolkit.minimum_safe):
        return None
    return Refusal(
        reason=f"container toolkit {pinned}, which policy asks for, lets containers escape (CVE-2026-24260)",
        remedy=f"set policy container_toolkit to {toolkit.minimum_safe} or later, or leave it out",
    )


def _unmanaged(joined: str | None, fabric: str | None) -> tuple[str, ...]:
    """A note on switches that the policy leaves to another host's fabric manager."""
    if joined == fabric:
        return ()
    return ("switches join the GPUs, and policy fabric_manager: never leaves them to another fabric manager",)


def _beside_the_driver(
    driver: Driver, fabric: str | None, policy: Policy, facts: NvidiaFacts
) -> Iterator[Reason]:
    """Why what every such host has, and why the fabric manager."""
    toolkit, pinned = facts.container_toolkit.packages, policy.container_toolkit
    answer = toolkit.package_version(pinned) if pinned else toolkit.version
    why = "policy asks for it" if pinned else "this version or a newer one that is there"
    safe = f"{toolkit.minimum_safe} or later has the security fixes"
    yield Reason("container toolkit", answer, f"{why}, the same for all packages; {safe}", toolkit)
    if fabric == "nvlink5":
        rule = "several GPUs of this chip sit on an NVLink 5 board: CUDA starts only under a fabric manager"
        answer = f"of branch {driver.branch}, with nvlsm"
        yield Reason("fabric manager", answer, rule, facts.driver.nvlink5)
    elif fabric:
        rule = "behind an NVSwitch, CUDA starts only under a fabric manager of the driver's version"
        yield Reason("fabric manager", f"of branch {driver.branch}", rule, facts.driver.nvswitch)


def _notes(driver: Driver, observed: Observed, policy: Policy, catalog: Catalog) -> tuple[str, ...]:
    branch = catalog.of(NvidiaFacts).driver.branches[driver.branch]
    notes = []
    if branch.state == "end-of-life":
        notes.append(f"driver branch {driver.branch} {branch.without_fixes}: policy allows it")
    if driver.source == "cuda" and observed.os in branch.unseen:
        title = catalog.operating_systems[observed.os].title
        notes.append(
            f"that the CUDA repository of {title} has driver branch {driver.branch} was not seen: apt tells"
        )
    return tuple(notes)
