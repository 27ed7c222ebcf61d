"""What is right for a host: (Observed, HostSettings, Catalog) -> Target or Refusal. Pure."""

from __future__ import annotations

from dataclasses import replace

from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving import images
from xpulab.resolving.accelerators import Devices, Unusable, classify, label
from xpulab.resolving.both import combine
from xpulab.resolving.intel import plan as intel
from xpulab.resolving.kernels import identify
from xpulab.resolving.nvidia import plan as nvidia
from xpulab.resolving.plan import Plan
from xpulab.resolving.target import Image, Refusal, Target
from xpulab.workbench.image import REPOSITORY

CPU_INSTEAD = "set policy unsupported: cpu to provision it as a CPU host"


def resolve(observed: Observed, settings: HostSettings, catalog: Catalog) -> Target | Refusal:
    """The target for a host, or why it is refused; it never raises, whatever the host holds."""
    refusal = _unknown_overrides(settings, catalog) or _unknown_system(observed, catalog)
    if refusal:
        return refusal
    devices = classify(observed.pci, catalog)
    plan = _plan(devices, observed, settings.policy, catalog)
    if isinstance(plan, Refusal) and settings.policy.unsupported == "cpu":
        plan = _cpu_plan(observed, settings.policy, catalog, (f"provisioned as a CPU host: {plan.reason}",))
    if isinstance(plan, Refusal):
        return plan
    image = _image(plan, settings)
    if refusal := _too_little_disk(image, observed) or _snap_docker(observed):
        return refusal
    return Target(
        vendor=plan.vendor,
        os=observed.os,
        accelerators=plan.accelerators,
        driver=plan.driver,
        kernel=observed.kernel,
        kernel_flavour=plan.kernel_flavour,
        image=image,
        notes=devices.notes + plan.notes,
        kernel_upgrade=plan.kernel_upgrade,
        beside=plan.beside,
        nvswitch=plan.nvswitch,
    )


def _unknown_overrides(settings: HostSettings, catalog: Catalog) -> Refusal | None:
    """A misspelt override would be without effect, and a host would reach out to a server it must not."""
    for name in settings.repositories:
        if name not in catalog.repositories:
            return Refusal(
                reason=f"the inventory overrides repository {name!r}, which xpulab does not have",
                remedy=f"use one of {', '.join(catalog.repositories)}",
            )
    for reference in settings.images:
        if reference not in catalog.known_images and not _is_workbench(reference):
            return Refusal(
                reason=f"the inventory overrides image {reference!r}, which is not in the catalog",
                remedy="add it to xpulab/catalog/images.yml, or correct its name",
            )
    return None


def _is_workbench(reference: str) -> bool:
    """Whether the lab's builder made the image: the catalog cannot know it."""
    return reference.rpartition(":")[0].endswith(f"/{REPOSITORY}")


def _unknown_system(observed: Observed, catalog: Catalog) -> Refusal | None:
    system = catalog.operating_systems.get(observed.os)
    if system is None:
        known = ", ".join(each.title for each in catalog.operating_systems.values())
        return Refusal(f"operating system {observed.os} is not supported", f"install {known}")
    if observed.architecture not in system.architectures:
        return Refusal(
            reason=f"architecture {observed.architecture} is not supported on {system.title}",
            remedy=f"use a host of architecture {system.architectures[0]}",
        )
    return None


def _plan(devices: Devices, observed: Observed, policy: Policy, catalog: Catalog) -> Plan | Refusal:
    """The plan for the vendor that the policy prefers among those with usable accelerators."""
    if devices.unknown:
        return _unknown_device(devices, catalog)
    usable = [vendor for vendor in ("nvidia", "intel") if getattr(devices, vendor)]
    if not usable:
        return _unusable(devices.unusable[0]) if devices.unusable else _cpu_plan(observed, policy, catalog)
    used = usable if policy.prefer == "both" else [policy.prefer if policy.prefer in usable else usable[0]]
    for vendor in used:
        if clash := _clash_with_unusable(vendor, devices):
            return clash
    plans = []
    for vendor in used:
        plan = _plan_of(vendor, devices, observed, policy, catalog)
        if isinstance(plan, Refusal):
            return _without_the_other(plan, vendor) if len(used) == 2 else plan
        plans.append(plan)
    chosen = combine(*plans) if len(plans) == 2 else plans[0]
    return replace(chosen, notes=_idle(used, devices) + chosen.notes)


def _without_the_other(refusal: Refusal, vendor: str) -> Refusal:
    """A refusal of one vendor's accelerators on a host that was to use both: the other may do alone."""
    other = "intel" if vendor == "nvidia" else "nvidia"
    return Refusal(refusal.reason, f"{refusal.remedy}, or set policy prefer: {other} and leave this one idle")


def _plan_of(
    vendor: str, devices: Devices, observed: Observed, policy: Policy, catalog: Catalog
) -> Plan | Refusal:
    if vendor == "nvidia":
        return nvidia.plan(devices.nvidia, observed, policy, catalog)
    return intel.plan(devices.intel, observed, policy, catalog)


def _idle(used: list[str], devices: Devices) -> tuple[str, ...]:
    """A note for each accelerator that nothing will drive."""
    unused = [each.label for each in devices.nvidia] if "nvidia" not in used else []
    unused += [label(each) for each in devices.intel] if "intel" not in used else []
    return (
        *(f"{each} is left idle: policy prefers {used[0]}" for each in unused),
        *(f"{each.label} is left idle: {each.why}" for each in devices.unusable),
    )


def _unknown_device(devices: Devices, catalog: Catalog) -> Refusal:
    function = devices.unknown[0]
    vendor = catalog.pci_vendors[function.vendor.lower()]
    file = "nvidia/families.yml" if vendor.use == "nvidia" else "intel/devices.yml"
    return Refusal(
        reason=f"{vendor.title} device {function.pci_id} at {function.address} is not in the catalog",
        remedy=f"add it to xpulab/catalog/{file} with its source, or {CPU_INSTEAD}",
    )


def _unusable(device: Unusable) -> Refusal:
    return Refusal(f"{device.label} cannot be used: {device.why}", f"replace the card, or {CPU_INSTEAD}")


def _clash_with_unusable(vendor: str, devices: Devices) -> Refusal | None:
    """A refusal when a card that the vendor's driver does not drive sits beside one that it does."""
    for each in devices.unusable:
        if each.vendor == vendor:
            usable = devices.nvidia[0].label if vendor == "nvidia" else label(devices.intel[0])
            return Refusal(
                reason=f"{each.label} cannot be used beside {usable}: {each.why}",
                remedy=f"move one of them to another host, or {CPU_INSTEAD}",
            )
    return None


def _cpu_plan(
    observed: Observed, policy: Policy, catalog: Catalog, notes: tuple[str, ...] = ()
) -> Plan | Refusal:
    """The plan for a host without a usable accelerator: any kernel of its system will do."""
    image = images.for_cpu(policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    kernel = identify(observed.kernel, catalog.operating_systems[observed.os])
    flavour = "unknown" if isinstance(kernel, Refusal) else kernel.flavour
    return Plan("cpu", (), None, flavour, image[0], notes + image[1])


def _image(plan: Plan, settings: HostSettings) -> Image:
    """The plan's image with what the inventory pins for it."""
    override = settings.images.get(plan.image.reference)
    digest = (override and override.digest) or plan.image.digest
    disk_gb = (override and override.disk_gb) or plan.image.disk_gb
    return Image(plan.image.reference, digest, disk_gb)


def _too_little_disk(image: Image, observed: Observed) -> Refusal | None:
    present = any(
        found.repository == image.repository
        and (found.digest == image.digest if image.digest else found.tag == image.tag)
        for found in observed.images
    )
    free_gb = observed.engine_free_bytes / 1e9
    if present or free_gb >= image.disk_gb:
        return None
    return Refusal(
        reason=f"image {image.reference} needs {image.disk_gb:g} GB of free disk space, "
        f"and Docker's data directory has {free_gb:.1f} GB",
        remedy="free some space there, or move Docker's data directory to a larger disk",
    )


def _snap_docker(observed: Observed) -> Refusal | None:
    if not observed.snap_docker:
        return None
    return Refusal(
        reason="Docker is installed as a snap, which cannot give containers an accelerator",
        remedy="snap remove docker (its containers and images go with it), and run again",
    )
