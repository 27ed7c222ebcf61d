"""The built-in roles: each says in one object all that has to be known of it."""

from __future__ import annotations

from xpulab.desired.role import Role
from xpulab.roles import base, docker, intel, kernel, nvidia, pull, pytorch, workbench

__all__ = ["BUILT_IN"]

BUILT_IN: tuple[Role, ...] = (
    base.ROLE,
    kernel.ROLE,
    docker.ROLE,
    *nvidia.ROLES,
    *intel.ROLES,
    pytorch.ROLE,
    pull.ROLE,
    workbench.ROLE,
)
