"""What hands roles to xpulab, which imports none."""

from __future__ import annotations

from collections.abc import Callable

from xpulab.catalog.models import Catalog
from xpulab.lab import HostSettings
from xpulab.manifest import Manifest
from xpulab.target import Refusal, Target

Desired = Callable[[Target, HostSettings, Catalog], Manifest | Refusal]
"""From what is right for a host to its whole desired state, or why it cannot be: what roles/ provides."""
