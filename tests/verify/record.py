"""The record that the main job leaves on a host, read with suspicion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATH = "/etc/xpulab/host.json"


@dataclass(frozen=True)
class Accelerator:
    """A device PyTorch can use."""

    address: str
    pci_id: str
    name: str
    family: str


@dataclass(frozen=True)
class Driver:
    """Driver branch (NVIDIA) or channel (Intel), and the flavour of its kernel modules."""

    branch: str
    modules: str


@dataclass(frozen=True)
class Record:
    """What the main job says the host is now; `drivers` are by vendor, that of the image's vendor first."""

    vendor: str
    accelerators: tuple[Accelerator, ...]
    drivers: Mapping[str, Driver]
    engine: str
    image: str
    digest: str | None
    notes: tuple[str, ...]

    @property
    def vendors(self) -> tuple[str, ...]:
        """Every vendor whose accelerators the host uses; the image serves the first."""
        return tuple(self.drivers) or (self.vendor,)

    @property
    def image_by_digest(self) -> str:
        """The image as `repository@digest`, or its reference where no digest was recorded."""
        # A colon before the last slash belongs to the registry's port, not to a tag.
        head, slash, tail = self.image.rpartition("/")
        repository = head + slash + tail.partition(":")[0]
        return f"{repository}@{self.digest}" if self.digest else self.image


def parse(text: str) -> Record:
    """The record in `text`; ValueError says what is wrong with it."""
    try:
        return _read(json.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{PATH} has no usable {error}") from error


def _read(fields: dict[str, Any]) -> Record:
    if fields["vendor"] not in ("nvidia", "intel", "cpu"):
        raise ValueError(f"{PATH}: vendor {fields['vendor']!r} is none of nvidia, intel, cpu")
    return Record(
        vendor=fields["vendor"],
        accelerators=tuple(
            Accelerator(each["address"], each["pci_id"], each["name"], each["family"])
            for each in fields["accelerators"]
        ),
        drivers={
            each["vendor"]: Driver(each["driver"]["branch"], each["driver"]["modules"])
            for each in (fields, fields.get("beside") or {})
            if each.get("driver")
        },
        engine=fields["engine"],
        image=fields["image"]["reference"],
        digest=fields["image"]["digest"],
        notes=tuple(fields["notes"]),
    )
