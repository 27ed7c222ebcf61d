"""Which PyTorch image serves Intel GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from xpulab.catalog.models import Catalog
from xpulab.resolving import images
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import CPU_INSTEAD, Accelerator
from xpulab.schema.refusal import Refusal


def choose(
    accelerators: Sequence[Accelerator], torch: str | None, catalog: Catalog
) -> tuple[images.Choice, Reason] | Refusal:
    """The image that serves the families of all accelerators, and why it is this one."""
    families = {accelerator.family for accelerator in accelerators}
    lawful = [image for image in catalog.images_of("intel") if families <= set(image.families)]
    if not lawful:
        return Refusal(
            reason=f"no PyTorch image serves {' and '.join(sorted(families))} together",
            remedy=f"keep one of them in this host, or {CPU_INSTEAD}",
        )
    chosen = images.newest(lawful, torch)
    if isinstance(chosen, Refusal):
        return chosen
    why = images.reason(chosen.image, torch, f"serve {families_of(accelerators, catalog)}", catalog)
    return chosen, why


def families_of(accelerators: Sequence[Accelerator], catalog: Catalog) -> str:
    """The titles of the families of GPUs."""
    devices = catalog.of(IntelFacts).devices
    return " and ".join(devices[key].title for key in dict.fromkeys(each.family for each in accelerators))
