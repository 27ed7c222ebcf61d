"""The workbench image of a host with Intel GPUs: modules outside the kernel tie it to a channel."""

from __future__ import annotations

from xpulab.catalog.entry import release
from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.target import Accelerator, Target
from xpulab.resolving.workbench_parts import OnPytorchImage, OnSystem, UnifiedPart, UserSpace
from xpulab.schema.refusal import Refusal

WHEELS = "xpu"


def own(target: Target, policy: Policy, catalog: Catalog) -> OnPytorchImage | OnSystem:
    """PyTorch's own build with the Level Zero of the host's channel, or the image that has the extension."""
    if _takes_extension(target, policy, catalog):
        return OnPytorchImage(
            "xpu",
            "with Intel Extension for PyTorch, which Intel archived in March 2026 with known security issues",
        )
    channel = catalog.workbench.level_zero[target.driver_of("intel").branch].channel
    why = f"PyTorch's XPU build; Level Zero of channel {channel}, which fits the driver of the hosts"
    return OnSystem("xpu", WHEELS, why, _level_zero(channel, catalog))


def unified(target: Target, catalog: Catalog) -> UnifiedPart | Refusal:
    """PyTorch's own build, and the Level Zero of the catalog's choice or of the host's own module."""
    if unlisted := _unlisted(target, catalog):
        return Refusal(
            reason=f"the unified workbench has PyTorch's own builds, which do not list {unlisted[0].name}",
            remedy="set workbench image: auto for this host",
        )
    channel = catalog.workbench.unified.level_zero
    if "intel" in target.vendors and target.driver_of("intel").modules == "dkms":
        channel = target.driver_of("intel").branch
    return UnifiedPart(WHEELS, f"Level Zero of channel {channel}", _level_zero(channel, catalog))


def _takes_extension(target: Target, policy: Policy, catalog: Catalog) -> bool:
    """Whether the policy asks for a PyTorch so old, or a GPU has no other that lists it."""
    asked = policy.torch
    last = release(catalog.workbench.extension.last_torch)
    old = asked is not None and release(asked) <= last[: len(release(asked))]
    return old or bool(_unlisted(target, catalog))


def _unlisted(target: Target, catalog: Catalog) -> list[Accelerator]:
    """Intel's GPUs of the host that PyTorch's builds for XPU do not list."""
    listed, devices = catalog.workbench.wheels[WHEELS].families, catalog.of(IntelFacts).devices
    return [each for each in target.accelerators if each.family in devices and each.family not in listed]


def _level_zero(channel: str, catalog: Catalog) -> UserSpace:
    of = catalog.of(IntelFacts).compute.channels[channel]
    if of.repository is None:
        raise ValueError(f"channel {channel} has no repository for an image")
    packages = catalog.workbench.level_zero[channel].packages
    return UserSpace("intel.sources", of.repository, of.suites, packages)
