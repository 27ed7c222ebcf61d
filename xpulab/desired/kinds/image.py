"""Container images that must be on the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from xpulab.desired.image_scripts import PULL_TIMEOUT_S, ask_registry, prefetch, pull
from xpulab.desired.thing import NOT_THERE, Difference, Phase, Run, Runs, Thing
from xpulab.probing.observed import Observed
from xpulab.resolving.target import Image
from xpulab.schema.refusal import Refusal

REMEDY = "correct policy.torch, or the digest under images, in the inventory"


@dataclass(frozen=True)
class PulledImage(Thing):
    """An image in the container engine's store, under its tag and of its digest where one is pinned."""

    image: Image

    kind: ClassVar[str] = "image"

    @property
    @override
    def claim(self) -> str:
        """Its reference."""
        return self.image.reference

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not there, or not of the pinned digest."""
        image = self.image
        named = (image.repository, image.tag)
        digests = {each.digest for each in observed.images if (each.repository, each.tag) == named}
        if not digests or (image.digest and image.digest not in digests):
            found = ", ".join(sorted(digest or "no digest" for digest in digests)) or NOT_THERE
            wanted = image.digest or "newest of its tag"
            yield Difference(self.kind, image.reference, found, wanted, self._pulled())

    def _pulled(self) -> Runs:
        reference = self.image.reference
        missing = Refusal(f"its image {reference} does not exist", REMEDY)
        meaning = f"does the host reach the registry, and does the image exist? If not, {REMEDY}"
        return Runs(
            Phase.IMAGES,
            (Run(f"pull {reference}", pull(self.image), PULL_TIMEOUT_S, on_failure=meaning),),
            asked_first=Run(f"ask for {reference}", ask_registry(self.image), refusal=missing),
            beside_apt=prefetch(self.image),
        )
