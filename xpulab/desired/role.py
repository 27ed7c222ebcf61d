"""What hands roles to xpulab, which imports none."""

from __future__ import annotations

from collections.abc import Callable

from xpulab.catalog.models import Catalog
from xpulab.desired.manifest import Manifest
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.target import Refusal, Target

Desired = Callable[[Target, HostSettings, Catalog], Manifest | Refusal]
"""From what is right for a host to its whole desired state, or why it cannot be: what roles/ provides."""
