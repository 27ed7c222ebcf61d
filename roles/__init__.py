"""The built-in roles: each says in one object all that has to be known of it."""

from __future__ import annotations

from importlib import import_module

from xpulab.desired.role import Role
from xpulab.resolving.vendors import VENDORS
from xpulab.roles import base, docker, kernel, pull, pytorch, workbench

__all__ = ["BUILT_IN"]


def _of_vendor(name: str) -> tuple[Role, ...]:
    """A registered vendor's roles: those of the folder that bears its name."""
    roles: tuple[Role, ...] = import_module(f"xpulab.roles.{name}").ROLES
    return roles


BUILT_IN: tuple[Role, ...] = (
    base.ROLE,
    kernel.ROLE,
    docker.ROLE,
    *(role for name in VENDORS for role in _of_vendor(name)),
    pytorch.ROLE,
    pull.ROLE,
    workbench.ROLE,
)
