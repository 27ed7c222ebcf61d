"""Does the registry have an image under its tag, and under the digest that is pinned."""

from __future__ import annotations

from collections.abc import Mapping

from xpulab.resolving.target import Image
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.web import NoAnswer

KIND = "image"


def finding(image: Image, digests: Mapping[str, str | NoAnswer]) -> Finding:
    """What the registry says of an image, by the digest behind its tag and that behind the pinned one."""
    for reference in filter(None, (image.tag, image.digest)):
        if isinstance(answer := digests[reference], NoAnswer):
            return Finding.without(answer, KIND, image.reference)
    now = str(digests[image.tag])
    if image.digest and now != image.digest:
        detail = f"the tag now is {now}, pinned is {image.digest}"
        return Finding(KIND, image.reference, "rotten", detail)
    return Finding(KIND, image.reference, "sound", now)
