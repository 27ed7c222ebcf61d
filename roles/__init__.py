"""Roles: each a pure function (Target, HostSettings, Catalog) -> Manifest."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Refusal, Target
from xpulab.roles import base, docker, intel, kernel, nvidia, pytorch, workbench

__all__ = ["desired", "desired_with_workbench"]

Role = Callable[[Target, HostSettings, Catalog], Manifest]

OF_VENDOR: dict[str, tuple[Role, ...]] = {
    "nvidia": nvidia.ROLES,
    "intel": intel.ROLES,
    "cpu": (),
}


def desired(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The whole desired state of a host: the sum of the roles that apply to it."""
    roles: list[Role] = [base.manifest, kernel.manifest, docker.manifest]
    for vendor in target.vendors:
        roles += OF_VENDOR[vendor]
    roles.append(pytorch.manifest)
    return reduce(add, (role(target, settings, catalog) for role in roles), Manifest())


def desired_with_workbench(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest | Refusal:
    """The whole desired state of a host that serves a workbench, or why it cannot serve one."""
    served = workbench.manifest(target, settings, catalog)
    return served if isinstance(served, Refusal) else desired(target, settings, catalog) + served
