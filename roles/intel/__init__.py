"""Intel's roles."""

from __future__ import annotations

from xpulab.roles.intel import compute, oneapi

ROLES = (compute.manifest, oneapi.manifest)
"""All that a host gets for its Intel GPUs; a role that does not apply to it adds nothing."""
