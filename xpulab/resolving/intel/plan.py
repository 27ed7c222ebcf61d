"""What Intel GPUs call for: kernel, channel of Intel's apt repository, image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.inventory.settings import Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.devices import label
from xpulab.resolving.intel import gpus, images
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.kernels import best, identify, is_older, upgrade, would_boot_instead
from xpulab.resolving.plan import Plan
from xpulab.resolving.reason import Reason
from xpulab.resolving.secure_boot import ENROL, refuses_dkms
from xpulab.resolving.target import CPU_INSTEAD, Accelerator, Driver, KernelUpgrade
from xpulab.schema.refusal import Refusal


def plan(
    found: Sequence[Accelerator], observed: Observed, policy: Policy, catalog: Catalog
) -> Plan | Refusal:
    """The plan for a host's Intel GPUs; its system is one of the catalog's."""
    accelerators, idle = gpus.beside_cards(found, catalog)
    system = catalog.operating_systems[observed.os]
    if refusal := _no_kernel_ever(accelerators, observed.kernel, system, catalog):
        return refusal
    channel = _channel(accelerators, observed.os, policy.intel_channel, catalog)
    if isinstance(channel, Refusal):
        return channel
    suits = _suits(accelerators, channel, observed.os, catalog)
    kernel = identify(observed.kernel, system, suits)
    if isinstance(kernel, Refusal):
        return kernel
    change = _kernel_change(accelerators, kernel, channel, observed, policy, catalog)
    if isinstance(change, Refusal):
        return change
    image = images.choose(accelerators, policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    (chosen, notes), why = image
    driver = Driver(channel, catalog.of(IntelFacts).compute.channels[channel].modules)
    flavour = change.flavour if change else kernel.flavour
    return Plan(
        "intel",
        accelerators,
        driver,
        flavour,
        chosen,
        (
            *map(_idle, idle),
            *_about_channel(channel, observed.os, catalog),
            *_not_listed(accelerators, observed.os, catalog),
            *_about_upgrade(change, observed),
            *notes,
        ),
        kernel_upgrade=change,
        about_accelerators=tuple(gpus.reason(each, catalog) for each in accelerators),
        about_driver=_about_driver(channel, accelerators, observed.os, policy, catalog),
        about_image=(why,),
    )


def _idle(accelerator: Accelerator) -> str:
    return f"{label(accelerator)} is left idle: PyTorch hides an integrated GPU beside a card"


def _about_driver(
    key: str, accelerators: Sequence[Accelerator], system: str, policy: Policy, catalog: Catalog
) -> tuple[Reason, Reason]:
    """Why the channel, and why its kernel module."""
    compute = catalog.of(IntelFacts).compute
    channel, title = compute.channels[key].on(system), catalog.operating_systems[system].title
    default = f"the default for {images.families_of(accelerators, catalog)} on {title}"
    why = "policy asks for it" if policy.intel_channel else default
    answer = f"{key} ({channel.suites[system]})"
    chosen = Reason("channel", answer, f"{why}; channels are never mixed", channel)
    if channel.modules == "in-tree":
        rule = "the kernel's own driver knows these GPUs"
        return chosen, Reason("kernel modules", channel.modules, rule, channel)
    kernels = " or ".join(channel.kernels.get(system, ())) or "this kernel"
    rule = f"these GPUs need Intel's own module, built by DKMS; it is validated on kernel {kernels}"
    return chosen, Reason("kernel modules", channel.modules, rule, compute.dkms_module)


def _first_kernel(accelerator: Accelerator, catalog: Catalog) -> str:
    return gpus.first_kernel(accelerator, catalog) or "0"


def _no_kernel_ever(
    accelerators: Sequence[Accelerator], running: str, system: OperatingSystem, catalog: Catalog
) -> Refusal | None:
    """A refusal for a GPU that needs a newer kernel than its system is known to have, this host included."""
    newest = max(release(kernel.series) for kernel in system.kernels)
    for accelerator in accelerators:
        needed = _first_kernel(accelerator, catalog)
        there = identify(running, system)
        if release(needed) <= newest or (isinstance(there, Kernel) and not is_older(running, needed)):
            continue
        driver = catalog.of(IntelFacts).devices[accelerator.family].driver
        return Refusal(
            reason=f"{label(accelerator)} needs the {driver} driver of kernel {needed}, "
            f"and {system.title} ends at kernel {'.'.join(map(str, newest))}",
            remedy=_with_kernel(accelerator, needed, catalog),
        )
    return None


def _with_kernel(accelerator: Accelerator, needed: str, catalog: Catalog) -> str:
    """What to do for a kernel: the first later release of a system, or a system that came with such a one."""
    later = [each.title for each in catalog.later_systems.values() if release(each.kernel) >= release(needed)]
    came_with = [
        system.title
        for key, system in catalog.operating_systems.items()
        if release(system.kernels[0].series) >= release(needed) and _channels_for(accelerator, key, catalog)
    ]
    known = (*later[:1], *came_with)
    return f"install {' or '.join(known)}" if known else "replace the card"


def _channel(
    accelerators: Sequence[Accelerator], system: str, asked: str | None, catalog: Catalog
) -> str | Refusal:
    """The one channel that serves all GPUs, as a host never mixes two."""
    serving = [_channels_for(accelerator, system, catalog) for accelerator in accelerators]
    for accelerator, channels in zip(accelerators, serving, strict=True):
        if not channels:
            return Refusal(
                reason=f"xpulab knows no packages for {label(accelerator)} on "
                f"{catalog.operating_systems[system].title}",
                remedy=_served_elsewhere(accelerator, catalog),
            )
    common = [channel for channel in serving[0] if all(channel in each for each in serving)]
    if not common:
        one, other = next(
            (accelerators[i], accelerators[j])
            for i, j in combinations(range(len(serving)), 2)
            if not set(serving[i]) & set(serving[j])
        )
        return Refusal(
            reason=f"{label(one)} and {label(other)} need different channels of Intel's repository, "
            "which cannot be mixed",
            remedy=f"move one of them to another host, or {CPU_INSTEAD}",
        )
    defaults = [channel for channel in common if not catalog.of(IntelFacts).compute.channels[channel].opt_in]
    if asked in common or (asked is None and defaults):
        return asked or defaults[0]
    return Refusal(
        reason=f"channel {asked} does not serve {label(accelerators[0])}",
        remedy=f"set policy intel_channel to {' or '.join(common)}, or leave it out",
    )


def _served_elsewhere(accelerator: Accelerator, catalog: Catalog) -> str:
    systems = [
        system.title
        for key, system in catalog.operating_systems.items()
        if _channels_for(accelerator, key, catalog)
    ]
    return f"install {' or '.join(systems)}, or {CPU_INSTEAD}"


def _channels_for(accelerator: Accelerator, system: str, catalog: Catalog) -> list[str]:
    return [
        key
        for key, channel in catalog.of(IntelFacts).compute.channels.items()
        if system in channel.suites and accelerator.family in channel.on(system).families
    ]


def _suits(
    accelerators: Sequence[Accelerator], channel: str, system: str, catalog: Catalog
) -> Callable[[Kernel], bool]:
    """Which kernels would do: those that DKMS builds for, or new enough ones and those with an upgrade."""
    chosen, known = catalog.of(IntelFacts).compute.channels[channel], catalog.operating_systems[system]
    needed = max((_first_kernel(each, catalog) for each in accelerators), key=release)

    def suits(kernel: Kernel) -> bool:
        if allowed := chosen.kernels.get(system):
            return kernel.series in allowed
        return release(kernel.series) >= release(needed) or upgrade(kernel, needed, known) is not None

    return suits


def _kernel_change(
    accelerators: Sequence[Accelerator],
    kernel: Kernel,
    channel: str,
    observed: Observed,
    policy: Policy,
    catalog: Catalog,
) -> KernelUpgrade | Refusal | None:
    """The newer kernel that the GPUs need, or a refusal when none can be had by an upgrade."""
    system = catalog.operating_systems[observed.os]
    chosen = catalog.of(IntelFacts).compute.channels[channel]
    suits = _suits(accelerators, channel, observed.os, catalog)
    if chosen.modules == "dkms":
        if refusal := _not_built_for(accelerators[0], channel, kernel, suits, observed, catalog):
            return refusal
        if refuses_dkms(observed, policy):
            return Refusal(
                reason=f"{label(accelerators[0])} needs a kernel module built on the host (DKMS), "
                "which Secure Boot does not load without an enrolled machine owner key",
                remedy=ENROL,
            )
        return None
    demanding = max(accelerators, key=lambda each: release(_first_kernel(each, catalog)))
    needed = _first_kernel(demanding, catalog)
    if release(kernel.series) >= release(needed):
        return None
    if change := upgrade(kernel, needed, system):
        return change
    instead = best(kernel.suffix, system, suits)
    return Refusal(
        reason=f"{label(demanding)} works with kernel {needed} or later, "
        f"and this host runs {kernel.series} ({kernel.title})",
        remedy=f"apt install {system.meta_package(instead)}, reboot into that kernel, and run again"
        if instead
        else CPU_INSTEAD,
    )


def _not_built_for(
    accelerator: Accelerator,
    channel: str,
    kernel: Kernel,
    suits: Callable[[Kernel], bool],
    observed: Observed,
    catalog: Catalog,
) -> Refusal | None:
    """A refusal where DKMS does not build the module for the kernel that runs, or that the next boot takes.

    Source: https://dgpu-docs.intel.com/driver/installation-guides/max-and-flex.html as of 2026-10-09.
    """
    system = catalog.operating_systems[observed.os]
    allowed = catalog.of(IntelFacts).compute.channels[channel].kernels.get(observed.os, ())
    if not allowed:
        return None
    built = f"the kernel module of channel {channel} for {label(accelerator)} is built for kernel "
    if kernel.series not in allowed:
        why = f"{built}{' or '.join(allowed)}, and this host runs {kernel.series} ({kernel.title})"
        instead = best(kernel.suffix, system, suits)
        if instead is None:
            return Refusal(why, CPU_INSTEAD)
        later = would_boot_instead(instead, allowed, observed.packages, system)
        ways = [f"apt install {system.meta_package(instead)}", "reboot into that kernel"]
        ways += [f"apt purge {' '.join(later)} there"] if later else []
        return Refusal(why, f"{', '.join(ways)}, and run again")
    in_the_way = would_boot_instead(kernel, allowed, observed.packages, system)
    if not in_the_way:
        return None
    return Refusal(
        reason=f"{built}{' or '.join(allowed)}, which this host runs, and its next boot takes "
        f"{in_the_way[0]}",
        remedy=f"apt purge {' '.join(in_the_way)}, and run again",
    )


def _about_channel(channel: str, system: str, catalog: Catalog) -> tuple[str, ...]:
    found = catalog.of(IntelFacts).compute.channels[channel].on(system)
    title = catalog.operating_systems[system].title
    notes = []
    if system in found.unvalidated:
        notes.append(f"Intel does not validate this GPU with PyTorch on {title}")
    if found.user_space_in_image:
        notes.append(
            f"no channel of Intel's serves {title}: all user space is in the image, none on the host"
        )
    if found.repository and (note := catalog.repositories[found.repository].note):
        notes.append(note)
    return tuple(notes)


def _not_listed(accelerators: Sequence[Accelerator], system: str, catalog: Catalog) -> Iterator[str]:
    """A note for each family that PyTorch lists on other systems alone."""
    families = catalog.of(IntelFacts).devices
    title = catalog.operating_systems[system].title
    for key in dict.fromkeys(each.family for each in accelerators):
        family = families[key]
        if family.listed_on and system not in family.listed_on:
            listed = " and ".join(map(catalog.title_of_system, family.listed_on))
            yield f"PyTorch lists {family.title} on {listed}, and not on {title}"


def _about_upgrade(change: KernelUpgrade | None, observed: Observed) -> tuple[str, ...]:
    if change is None:
        return ()
    return (
        f"kernel {observed.kernel} is too old for this GPU, which needs {change.series} or later: "
        f"{change.package} is installed, and the host reboots into it",
    )
