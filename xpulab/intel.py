"""What Intel GPUs call for: kernel, channel of Intel's apt repository, image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from xpulab import images
from xpulab.accelerators import label
from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import Kernel, OperatingSystem
from xpulab.kernels import identify
from xpulab.lab import Policy
from xpulab.observed import Observed
from xpulab.plan import Plan
from xpulab.target import Accelerator, Driver, Refusal


def plan(
    accelerators: Sequence[Accelerator], observed: Observed, policy: Policy, catalog: Catalog
) -> Plan | Refusal:
    """The plan for a host's Intel GPUs; its system is one of the catalog's."""
    system = catalog.operating_systems[observed.os]
    if refusal := _no_kernel_ever(accelerators, system, catalog):
        return refusal
    channel = _channel(accelerators, observed.os, policy.intel_channel, catalog)
    if isinstance(channel, Refusal):
        return channel
    kernel = identify(observed.kernel, system)
    if isinstance(kernel, Refusal):
        return kernel
    refusal = _kernel_mismatch(accelerators, kernel, channel, observed, catalog)
    if refusal:
        return refusal
    image = images.for_intel(accelerators, policy.torch, catalog)
    if isinstance(image, Refusal):
        return image
    chosen, notes = image
    driver = Driver(channel, catalog.intel_compute.channels[channel].modules)
    notes = (*_unvalidated(channel, observed.os, catalog), *notes)
    return Plan("intel", tuple(accelerators), driver, kernel.flavour, chosen, notes)


def _first_kernel(accelerator: Accelerator, catalog: Catalog) -> str:
    family = catalog.intel_devices[accelerator.family]
    return family.kernel_for(accelerator.pci_id[-4:].lower()) or "0"


def _no_kernel_ever(
    accelerators: Sequence[Accelerator], system: OperatingSystem, catalog: Catalog
) -> Refusal | None:
    """A refusal for a GPU that needs a newer kernel than its system will ever have."""
    newest = max(release(kernel.series) for kernel in system.kernels)
    for accelerator in accelerators:
        needed = _first_kernel(accelerator, catalog)
        if release(needed) <= newest:
            continue
        later = [
            each.title for each in catalog.later_systems.values() if release(each.kernel) >= release(needed)
        ]
        driver = catalog.intel_devices[accelerator.family].driver
        return Refusal(
            reason=f"{label(accelerator)} needs the {driver} driver of kernel {needed}, "
            f"and {system.title} ends at kernel {'.'.join(map(str, newest))}",
            remedy=f"install {' or '.join(dict.fromkeys((later[0], later[-1])))}"
            if later
            else "replace the card",
        )
    return None


def _channel(
    accelerators: Sequence[Accelerator], system: str, asked: str | None, catalog: Catalog
) -> str | Refusal:
    """The one channel that serves all GPUs, as a host never mixes two."""
    serving = [_channels_for(accelerator, system, catalog) for accelerator in accelerators]
    for accelerator, channels in zip(accelerators, serving, strict=True):
        if not channels:
            return Refusal(
                reason=f"no channel of Intel's repository serves {label(accelerator)} on {system}",
                remedy="set policy unsupported: cpu",
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
            remedy="move one of them to another host, or set policy unsupported: cpu",
        )
    defaults = [channel for channel in common if not catalog.intel_compute.channels[channel].opt_in]
    if asked in common or (asked is None and defaults):
        return asked or defaults[0]
    return Refusal(
        reason=f"channel {asked} does not serve {label(accelerators[0])}",
        remedy=f"set policy intel_channel to {' or '.join(common)}, or leave it out",
    )


def _channels_for(accelerator: Accelerator, system: str, catalog: Catalog) -> list[str]:
    return [
        key
        for key, channel in catalog.intel_compute.channels.items()
        if accelerator.family in channel.families and system in channel.suites
    ]


def _kernel_mismatch(
    accelerators: Sequence[Accelerator], kernel: Kernel, channel: str, observed: Observed, catalog: Catalog
) -> Refusal | None:
    """A refusal when the running kernel is not one that the GPUs or their channel's module work with."""
    system = catalog.operating_systems[observed.os]
    chosen = catalog.intel_compute.channels[channel]
    if chosen.modules == "dkms":
        allowed = chosen.kernels.get(observed.os, ())
        if allowed and kernel.series not in allowed:
            return _other_kernel(
                f"the kernel module of channel {channel} for {label(accelerators[0])} is built for",
                [each for each in system.kernels if each.series in allowed],
                kernel,
            )
        if observed.secure_boot:
            return Refusal(
                reason=f"{label(accelerators[0])} needs a kernel module built on the host (DKMS), "
                "which Secure Boot does not load",
                remedy="turn Secure Boot off in the firmware settings, and run again",
            )
        return None
    for accelerator in accelerators:
        needed = release(_first_kernel(accelerator, catalog))
        if release(kernel.series) < needed:
            fitting = [each for each in system.kernels if release(each.series) >= needed]
            return _other_kernel(f"{label(accelerator)} works with", fitting, kernel)
    return None


def _other_kernel(what: str, fitting: Sequence[Kernel], running: Kernel) -> Refusal:
    kernels = " or ".join(f"{each.series} ({each.title})" for each in fitting)
    return Refusal(
        reason=f"{what} kernel {kernels}, and this host runs {running.series} ({running.title})",
        remedy=f"apt install linux-{fitting[0].flavour}, reboot into that kernel, and run again"
        if fitting
        else "set policy unsupported: cpu",
    )


def _unvalidated(channel: str, system: str, catalog: Catalog) -> tuple[str, ...]:
    if system not in catalog.intel_compute.channels[channel].unvalidated:
        return ()
    return (f"Intel does not validate this GPU with PyTorch on {catalog.operating_systems[system].title}",)
