"""Roles: each a pure function (Target, HostSettings, Catalog) -> Manifest."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add

from roles import base, docker, pytorch
from roles.intel import compute, oneapi
from roles.nvidia import container_toolkit, driver
from xpulab.catalog.models import Catalog
from xpulab.lab import HostSettings
from xpulab.manifest import Manifest
from xpulab.target import Target

__all__ = ["desired"]

Role = Callable[[Target, HostSettings, Catalog], Manifest]

OF_VENDOR: dict[str, tuple[Role, ...]] = {
    "nvidia": (driver.manifest, container_toolkit.manifest),
    "intel": (compute.manifest,),
    "cpu": (),
}


def desired(target: Target, settings: HostSettings, catalog: Catalog) -> Manifest:
    """The whole desired state of a host: the sum of the roles that apply to it."""
    roles: tuple[Role, ...] = (base.manifest, docker.manifest, *OF_VENDOR[target.vendor])
    if target.vendor == "intel" and settings.policy.oneapi:
        roles += (oneapi.manifest,)
    roles += (pytorch.manifest,)
    return reduce(add, (role(target, settings, catalog) for role in roles), Manifest())
