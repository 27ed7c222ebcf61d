"""Intel's roles."""

from __future__ import annotations

from xpulab.desired.role import Role
from xpulab.roles.intel import compute, oneapi

ROLES: tuple[Role, ...] = (compute.ROLE, oneapi.ROLE)
