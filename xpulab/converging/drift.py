"""What differs between a host and its manifest: (Manifest, Observed) -> differences. Pure."""

from __future__ import annotations

from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Boot, Difference, FetchKey, InApt, Mend, Phase
from xpulab.probing.observed import Observed


def drift(manifest: Manifest, observed: Observed) -> tuple[Difference, ...]:
    """Every difference, in the order in which they are put right; empty for a converged host."""
    found = [each for thing in manifest.things for each in thing.differences(observed)]
    return tuple(sorted(found, key=lambda each: phase_of(each.mend)))


def phase_of(mend: Mend) -> Phase:
    """When a difference is put right."""
    if isinstance(mend, FetchKey):
        return Phase.KEYS
    if isinstance(mend, InApt):
        return Phase.PACKAGES
    return Phase.REBOOT if isinstance(mend, Boot) else mend.phase
