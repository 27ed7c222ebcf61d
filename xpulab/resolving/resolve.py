"""What is right for a host: (Observed, HostSettings, Catalog) -> Target or Refusal. Pure."""

from __future__ import annotations

from dataclasses import replace

from xpulab.catalog.models import Catalog
from xpulab.catalog.workbench import REPOSITORY
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving import cpu
from xpulab.resolving.accelerators import classify
from xpulab.resolving.both import combine
from xpulab.resolving.devices import Devices, Unusable, label
from xpulab.resolving.engine import choose as choose_engine
from xpulab.resolving.kernels import newer_than_known, why_kernel
from xpulab.resolving.leaving import leaving
from xpulab.resolving.plan import Plan
from xpulab.resolving.reach import not_its_own
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import CPU_INSTEAD, Image, Target
from xpulab.resolving.vendors import VENDORS
from xpulab.schema.refusal import Refusal


def resolve(observed: Observed, settings: HostSettings, catalog: Catalog) -> Target | Refusal:
    """The target for a host, or why it is refused; it never raises, whatever the host holds."""
    refusal = _unknown_overrides(observed, settings, catalog) or _unknown_system(observed, catalog)
    if refusal:
        return refusal
    system, devices = catalog.operating_systems[observed.os], classify(observed.pci, catalog)
    plan = _plan(devices, observed, settings.policy, catalog)
    if isinstance(plan, Refusal) and settings.policy.unsupported == "cpu":
        plan = cpu.plan(observed, settings.policy, catalog, (f"provisioned as a CPU host: {plan.reason}",))
    if isinstance(plan, Refusal):
        return plan
    image, engine = _image(plan, settings), choose_engine(observed, settings.policy, catalog)
    if isinstance(engine, Refusal):
        return engine
    if refusal := _too_little_disk(image, observed) or _snap_docker(observed):
        return refusal
    passing = leaving(system, catalog)
    return Target(
        vendor=plan.vendor,
        os=observed.os,
        accelerators=plan.accelerators,
        driver=plan.driver,
        kernel=observed.kernel,
        kernel_flavour=plan.kernel_flavour,
        image=image,
        engine=engine.answer,
        notes=(
            *(each.note for each in devices.ignored),
            *plan.notes,
            *_about_engine(engine.answer, plan, observed, catalog),
            *_about_kernel(plan, observed, catalog),
            *passing,
        ),
        passing=passing,
        kernel_upgrade=plan.kernel_upgrade,
        beside=plan.beside,
        fabric=plan.fabric,
        reasons=(
            Reason("system", system.title, system.care.in_words, system.care),
            *plan.about_accelerators,
            *plan.about_driver,
            why_kernel(observed.kernel, plan.kernel_flavour, plan.kernel_upgrade, system),
            engine,
            *plan.about_image,
        ),
    )


def _unknown_overrides(observed: Observed, settings: HostSettings, catalog: Catalog) -> Refusal | None:
    """A misspelt override would be without effect, and a host would reach out to a server it must not."""
    for name in settings.repositories:
        if name not in catalog.repositories:
            return Refusal(
                reason=f"the inventory overrides repository {name!r}, which xpulab does not have",
                remedy=f"use one of {', '.join(catalog.repositories)}",
            )
        if refusal := _of_another_system(name, observed, settings, catalog):
            return refusal
    for reference in settings.images:
        if reference not in catalog.known_images and not _is_workbench(reference):
            return Refusal(
                reason=f"the inventory overrides image {reference!r}, which is not in the catalog",
                remedy="add it to xpulab/catalog/images.yml, or correct its name",
            )
    return None


def _of_another_system(
    name: str, observed: Observed, settings: HostSettings, catalog: Catalog
) -> Refusal | None:
    """A refusal of a mirror that holds one system's packages, where it is not said that it is this host's."""
    override, word = settings.repositories[name], "{distribution}"
    flat = word in catalog.repositories[name].uri and override.uri and word not in override.uri
    if not flat or observed.os in override.systems:
        return None
    of = (
        f"that of {' and '.join(override.systems)}"
        if override.systems
        else "of one system, and does not say of which"
    )
    return Refusal(
        reason=f"the mirror {override.uri} of repository {name} is {of}, and this host runs {observed.os}",
        remedy=f"write {word} into its uri, or {observed.os} into its systems",
    )


def _is_workbench(reference: str) -> bool:
    """Whether the lab's builder made the image: the catalog cannot know it."""
    return reference.rpartition(":")[0].endswith(f"/{REPOSITORY}")


def _unknown_system(observed: Observed, catalog: Catalog) -> Refusal | None:
    system = catalog.operating_systems.get(observed.os)
    if system is None:
        known = " or ".join(each.title for each in catalog.operating_systems.values())
        return Refusal(f"operating system {observed.os} is not supported", f"install {known}")
    if observed.architecture not in system.architectures:
        return Refusal(
            reason=f"architecture {observed.architecture} is not supported on {system.title}",
            remedy=f"use a host of architecture {system.architectures[0]}",
        )
    return None


def _plan(devices: Devices, observed: Observed, policy: Policy, catalog: Catalog) -> Plan | Refusal:
    """The plan for the vendor that the policy prefers among those with usable accelerators."""
    if clash := not_its_own(devices, observed, catalog):
        return clash
    if devices.unknown:
        return _unknown_device(devices, catalog)
    if not devices.usable:
        return _unusable(devices.unusable[0]) if devices.unusable else cpu.plan(observed, policy, catalog)
    used = _used(tuple(devices.usable), policy)
    for vendor in used:
        if clash := _clash_with_unusable(vendor, devices):
            return clash
    plans: list[Plan] = []
    refused: dict[str, Refusal] = {}
    for vendor in used:
        plan = VENDORS[vendor].plan(devices.usable[vendor], observed, policy, catalog)
        if isinstance(plan, Refusal):
            refused[vendor] = plan
        else:
            plans.append(plan)
    if refused:
        vendor, refusal = next(iter(refused.items()))
        return _without_the_other(refusal, vendor, used) if plans else refusal
    chosen = combine(plans[0], plans[1], catalog) if len(plans) == 2 else plans[0]
    if isinstance(chosen, Refusal):
        return chosen
    return replace(chosen, notes=_idle(used, devices) + chosen.notes)


def _used(usable: tuple[str, ...], policy: Policy) -> tuple[str, ...]:
    """The vendors whose accelerators the host is to use, of those that it has: one, or two if it may."""
    if policy.prefer == "both":
        return usable[:2]
    return (policy.prefer if policy.prefer in usable else usable[0],)


def _without_the_other(refusal: Refusal, vendor: str, used: tuple[str, ...]) -> Refusal:
    """A refusal of one vendor's accelerators on a host that was to use both: the other may do alone."""
    other = next(each for each in used if each != vendor)
    return Refusal(refusal.reason, f"{refusal.remedy}, or set policy prefer: {other} and leave this one idle")


def _idle(used: tuple[str, ...], devices: Devices) -> tuple[str, ...]:
    """A note for each accelerator that nothing will drive."""
    idle = [cards for vendor, cards in devices.usable.items() if vendor not in used]
    unused = [label(each) for cards in idle for each in cards]
    return (
        *(f"{each} is left idle: policy prefers {used[0]}" for each in unused),
        *(f"{each.label} is left idle: {each.why}" for each in devices.unusable),
    )


def _unknown_device(devices: Devices, catalog: Catalog) -> Refusal:
    function = devices.unknown[0]
    vendor = catalog.pci_vendors[function.vendor.lower()]
    file = VENDORS[vendor.use].device_table
    return Refusal(
        reason=f"{vendor.title} device {function.pci_id} at {function.address} is not in the catalog",
        remedy=f"add it to xpulab/catalog/{file} with its source, or {CPU_INSTEAD}",
    )


def _unusable(device: Unusable) -> Refusal:
    return Refusal(f"{device.label} cannot be used: {device.why}", f"{device.remedy}, or {CPU_INSTEAD}")


def _clash_with_unusable(vendor: str, devices: Devices) -> Refusal | None:
    """A refusal when a card that the vendor's driver stumbles over sits beside one that it drives."""
    for each in devices.unusable:
        if each.vendor == vendor and not each.passed_over:
            return Refusal(
                reason=f"{each.label} cannot be used beside {label(devices.usable[vendor][0])}: {each.why}",
                remedy=f"move one of them to another host, or {CPU_INSTEAD}",
            )
    return None


def _about_kernel(plan: Plan, observed: Observed, catalog: Catalog) -> tuple[str, ...]:
    """A note where modules have to follow a kernel that nobody has read about."""
    note = newer_than_known(observed.kernel, catalog.operating_systems[observed.os])
    return (note,) if note and plan.accelerators else ()


def _about_engine(engine: str, plan: Plan, observed: Observed, catalog: Catalog) -> tuple[str, ...]:
    """What the owner of a host with accelerators should know of its engine."""
    note = catalog.docker[engine].notes.get(observed.os)
    return (note,) if note and plan.vendor in catalog.docker[engine].notes_for else ()


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
        f"and {observed.engine_root}, where the engine keeps them, has {free_gb:.1f} GB",
        remedy="free some space there, or move it to a larger disk (data-root in the engine's daemon.json)",
    )


def _snap_docker(observed: Observed) -> Refusal | None:
    if not observed.snap_docker:
        return None
    return Refusal(
        reason="Docker is installed as a snap, which cannot give containers an accelerator",
        remedy="snap remove docker (its containers and images go with it), and run again",
    )
