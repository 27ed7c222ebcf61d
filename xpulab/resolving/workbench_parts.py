"""What a vendor says of its hosts' workbench image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from xpulab.catalog.models import Catalog
from xpulab.inventory.settings import Policy
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal

WorkbenchDevice = Literal["cuda", "xpu", "cpu"]
"""As images and their launcher know them."""


@dataclass(frozen=True)
class UserSpace:
    """The driver's user space in an image: its packages, the repository, and its suites by system.

    `sources` is the template of the apt source in templates/workbench.
    """

    sources: str
    repository: str
    suites: Mapping[str, str]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class OnPytorchImage:
    """Over the PyTorch image of the host itself, whose environment is kept."""

    device: WorkbenchDevice
    why: str


@dataclass(frozen=True)
class OnSystem:
    """Over a bare system: wheels of one of PyTorch's indexes, and the driver's user space."""

    device: WorkbenchDevice
    wheels: str
    why: str
    user_space: UserSpace | None = None


@dataclass(frozen=True)
class UnifiedPart:
    """A vendor's part of the image that has all environments; `said` is for the image's label."""

    wheels: str
    said: str
    user_space: UserSpace | None = None


@dataclass(frozen=True)
class WorkbenchParts:
    """How a vendor's part of an image is chosen: of a host's own image, and of the unified one."""

    own: Callable[[Target, Policy, Catalog], OnPytorchImage | OnSystem]
    unified: Callable[[Target, Catalog], UnifiedPart | Refusal]
