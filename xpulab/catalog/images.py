"""PyTorch images."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from xpulab.catalog.entry import Entry, Record, release
from xpulab.schema.identifiers import Digest

ComputeCapability = Annotated[str, StringConstraints(pattern=r"^\d+\.\d$")]
TorchVersion = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class ImageTag(Record):
    """One image of a repository; `vendor` and `disk_gb` may differ from the repository's."""

    torch: TorchVersion
    cuda: str | None = None
    compute_capabilities: tuple[ComputeCapability, ...] = ()
    families: tuple[str, ...] = ()
    digest: Digest | None = None
    vendor: str | None = None
    disk_gb: Annotated[float, Field(gt=0)] | None = None
    note: str | None = None


class ImageRepository(Entry):
    """A repository of PyTorch images."""

    vendor: str
    disk_gb: Annotated[float, Field(gt=0)]
    tags: dict[str, ImageTag]


class CatalogImage(Record):
    """One image with all that its repository says about it."""

    reference: str
    vendor: str
    torch: TorchVersion
    cuda: str | None
    compute_capabilities: tuple[ComputeCapability, ...]
    families: tuple[str, ...]
    digest: Digest | None
    disk_gb: float
    note: str | None

    def runs_on(self, compute_capability: str) -> bool:
        """Whether it holds a binary for a GPU: one for X.y runs on X.z with z >= y."""
        major, minor = release(compute_capability)[:2]
        return any(
            (built := release(each))[0] == major and built[1] <= minor for each in self.compute_capabilities
        )
