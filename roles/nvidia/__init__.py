"""NVIDIA's roles."""

from __future__ import annotations

from xpulab.desired.role import Role
from xpulab.roles.nvidia import container_toolkit, driver, fabric_manager

ROLES: tuple[Role, ...] = (driver.ROLE, container_toolkit.ROLE, fabric_manager.ROLE)
