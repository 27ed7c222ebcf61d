"""NVIDIA's roles."""

from __future__ import annotations

from xpulab.roles.nvidia import container_toolkit, driver, fabric_manager

ROLES = (driver.manifest, container_toolkit.manifest, fabric_manager.manifest)
"""All that a host gets for its NVIDIA GPUs; a role that does not apply to it adds nothing."""
