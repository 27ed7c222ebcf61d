"""What both sources of the driver ask of its branch."""

from __future__ import annotations

from collections.abc import Sequence

from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.nvidia.entries import NvidiaModules
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.target import Target

OTHER: dict[NvidiaModules, NvidiaModules] = {"open": "proprietary", "proprietary": "open"}


def uses_nvidia(target: Target, settings: HostSettings, catalog: Catalog) -> bool:
    """Whether the host uses NVIDIA GPUs."""
    return "nvidia" in target.vendors


def flavour(target: Target) -> NvidiaModules:
    """The flavour of the target's NVIDIA modules."""
    return "open" if target.driver_of("nvidia").modules == "open" else "proprietary"


def of_other_branches(patterns: Sequence[str], target: Target, catalog: Catalog) -> tuple[str, ...]:
    """Package patterns with `{branch}`, for every branch but the target's."""
    branch = target.driver_of("nvidia").branch
    others = [each for each in catalog.of(NvidiaFacts).driver.branches if each != branch]
    return tuple(pattern.format(branch=each) for each in others for pattern in patterns)
