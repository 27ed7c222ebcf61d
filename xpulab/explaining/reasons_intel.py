"""Why an Intel host gets its channel and its driver."""

from __future__ import annotations

from collections.abc import Iterator

from xpulab.catalog.models import Catalog
from xpulab.explaining.reason import Reason
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Accelerator, Target


def accelerator(found: Accelerator, catalog: Catalog) -> Reason:
    """A GPU told by its device id."""
    family, device = catalog.of(IntelFacts).devices[found.family], found.pci_id[-4:]
    needed = family.kernel_for(device)
    kernel = f"kernel {needed} or later" if needed else "a kernel module built on the host"
    rule = f"{found.family} ({family.title}): driver {family.driver}, {kernel}; PyTorch supports it"
    return Reason.of("accelerator", f"{found.name} ({found.pci_id})", rule, family)


def driver(target: Target, settings: HostSettings, catalog: Catalog) -> Iterator[Reason]:
    """The one channel, and where the kernel module comes from."""
    chosen = target.driver_of("intel")
    channel = catalog.of(IntelFacts).compute.channels[chosen.branch]
    title = catalog.operating_systems[target.os].title
    if settings.policy.intel_channel:
        why = "policy asks for it"
    else:
        why = f"the default for {families(target, catalog)} on {title}"
    rule = f"{why}; channels are never mixed"
    yield Reason.of("channel", f"{chosen.branch} ({channel.suites[target.os]})", rule, channel)
    if chosen.modules == "dkms":
        kernels = " or ".join(channel.kernels.get(target.os, ())) or "this kernel"
        rule = f"these GPUs need Intel's own module, built by DKMS; it is validated on kernel {kernels}"
        yield Reason.of("kernel modules", "dkms", rule, catalog.of(IntelFacts).compute.dkms_module)
    else:
        yield Reason.of("kernel modules", "in-tree", "the kernel's own driver knows these GPUs", channel)


def families(target: Target, catalog: Catalog) -> str:
    """The titles of the Intel families in a host."""
    keys = dict.fromkeys(
        each.family for each in target.accelerators if each.family in catalog.of(IntelFacts).devices
    )
    return " and ".join(catalog.of(IntelFacts).devices[key].title for key in keys)
