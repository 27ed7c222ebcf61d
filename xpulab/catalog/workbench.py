"""What workbench images are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from xpulab.catalog.entry import Entry, Record, Url
from xpulab.catalog.images import TorchVersion

REPOSITORY = "xpulab-workbench"
"""How the name ends of every image that a lab's builder makes, tag aside."""


class BaseImage(Entry):
    """The image of a system that others are built on."""

    image: str
    disk_gb: Annotated[float, Field(gt=0)]


class SystemPackages(Entry):
    """Packages of the system: what every image has, and what those on a bare base image need beside."""

    every_image: tuple[str, ...]
    on_base_image: tuple[str, ...]


class Wheels(Entry):
    """One of PyTorch's indexes: the device its builds are for, and the releases to offer, newest first.

    `families` are those of Intel's GPUs that the builds list.
    """

    device: Literal["cuda", "xpu", "cpu"]
    index: Url
    cuda: str | None = None
    families: tuple[str, ...] = ()
    releases: Annotated[tuple[TorchVersion, ...], Field(min_length=1)]


class LevelZero(Entry):
    """Level Zero, and the OpenCL driver that oneDNN asks for, in an image for hosts of one channel."""

    channel: str
    packages: tuple[str, ...]


class Unified(Entry):
    """The image that has all environments: its CUDA builds in order of preference, its Level Zero channel."""

    cuda: tuple[str, ...]
    level_zero: str


class Extension(Entry):
    """Intel Extension for PyTorch: the last release that it exists for."""

    last_torch: TorchVersion


class WorkbenchParts(Record):
    """All that workbench images are made of, beside the PyTorch images."""

    systems: Annotated[dict[str, BaseImage], Field(min_length=1)]
    packages: SystemPackages
    wheels: dict[str, Wheels]
    level_zero: dict[str, LevelZero]
    unified: Unified
    extension: Extension

    @property
    def default_system(self) -> str:
        """The system of images that ask for none."""
        return next(iter(self.systems))
