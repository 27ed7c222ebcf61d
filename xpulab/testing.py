"""For the unit tests of a lab's own roles: what a role wants of a host that is only described. Public.

It answers as a run would, with the built-in roles beside the one under test, and touches no host.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from xpulab.converging.assess import settings_of
from xpulab.converging.drift import drift
from xpulab.desired import own_roles
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role
from xpulab.desired.state import Desired, desired, watched_by
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal

Answer = TypeVar("Answer", HostSettings, Target, Watched, Desired)
__all__ = ["RoleRefused", "drift", "new_host", "role_in", "wanted_of"]


class RoleRefused(Exception):
    """Why a run would refuse the host, in the words that its report would have."""


def role_in(file: Path) -> Role:
    """The ROLE of a file, loaded with all that lie beside it, as a run does. Raises own_roles.RoleError."""
    return own_roles.load_file(file)


def new_host(*pci_ids: str, system: str = "ubuntu-22.04") -> Observed:
    """A freshly installed host with the functions of these PCI ids; none: a host without accelerator."""
    return hypothetical.host(pci_ids, system, None, False, load_catalog())


def wanted_of(role: Role, said: Mapping[str, Any], host: Observed | None = None) -> Manifest:
    """What a role wants of a host whose inventory says this; by default of a new one without accelerator.

    Raises RoleRefused where the inventory makes no sense, the role refuses the host, waits or fails, wants
    what it does not watch, or claims what a built-in role claims.
    """
    roles, catalog = (*BUILT_IN, role), load_catalog()
    settings = _taken(settings_of("test", said, roles))
    target = _taken(resolve(host or new_host(), settings, catalog))
    _taken(desired(roles, target, settings, catalog, _taken(watched_by(roles, settings, catalog))))
    alone = _taken(desired((role,), target, settings, catalog))
    for each in alone.waiting:
        raise RoleRefused(f"it waits: {each.reason}: {each.remedy}")
    return alone.manifest


def _taken(answer: Answer | Refusal) -> Answer:
    if isinstance(answer, Refusal):
        raise RoleRefused(f"{answer.reason}: {answer.remedy}")
    return answer
