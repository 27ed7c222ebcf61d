"""The whole catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TypeVar, cast

from xpulab.catalog.entry import DeviceId, Record
from xpulab.catalog.facts import VendorFacts
from xpulab.catalog.images import CatalogImage, ImageRepository
from xpulab.catalog.platforms import Clusters, Platforms
from xpulab.catalog.systems import Engine, LaterSystem, OperatingSystem, PciVendor, Repository
from xpulab.catalog.upstreams import Upstreams
from xpulab.catalog.workbench import WorkbenchParts

Facts = TypeVar("Facts", bound=VendorFacts)


class Catalog(Record):
    """All that xpulab knows about vendors, checked and with sources."""

    operating_systems: dict[str, OperatingSystem]
    later_systems: dict[str, LaterSystem]
    pci_vendors: dict[DeviceId, PciVendor]
    platforms: Platforms
    clusters: Clusters
    docker: dict[str, Engine]
    images: dict[str, ImageRepository]
    repositories: dict[str, Repository]
    workbench: WorkbenchParts
    upstreams: Upstreams
    facts: dict[str, VendorFacts]
    """By the vendor's name, the preferred one first."""

    @cached_property
    def every_image(self) -> tuple[CatalogImage, ...]:
        """Every image, in the order of the file."""
        return tuple(
            CatalogImage(
                reference=f"{repository}:{tag}",
                vendor=image.vendor or images.vendor,
                torch=image.torch,
                cuda=image.cuda,
                compute_capabilities=image.compute_capabilities,
                families=image.families,
                digest=image.digest,
                disk_gb=image.disk_gb or images.disk_gb,
                note=image.note,
            )
            for repository, images in self.images.items()
            for tag, image in images.tags.items()
        )

    @cached_property
    def known_images(self) -> frozenset[str]:
        """The references of every image that a lab may pin."""
        systems = (each.image for each in self.workbench.systems.values())
        return frozenset((*(image.reference for image in self.every_image), *systems))

    def on(self, day: date) -> Catalog:
        """The catalog as it stands on a day: what has an end of life may have passed it."""
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        # Not a copy, which would keep what was computed from the facts of another day.
        systems = {key: system.on(day) for key, system in self.operating_systems.items()}
        facts = {name: of_vendor.on(day) for name, of_vendor in self.facts.items()}
        return Catalog(**{**parts, "operating_systems": systems, "facts": facts})

    def of(self, model: type[Facts]) -> Facts:
        """The facts of one vendor, by their model; KeyError where the vendor is none of this catalog's."""
        return cast(Facts, self.facts_by_model[model])  # filed under its own type

    @property
    def daemons(self) -> tuple[str, ...]:
        """Processes, by the kernel's name for them, that hold an accelerator for everybody."""
        return tuple(name for facts in self.facts.values() for name in facts.daemons)

    def title_of(self, vendor: str) -> str:
        """A vendor's name as people write it."""
        return next(each.title for each in self.pci_vendors.values() if each.use == vendor)

    def title_of_system(self, key: str) -> str:
        """A system's name as people write it, be it one to provision or a later one."""
        system = self.operating_systems.get(key) or self.later_systems[key]
        return system.title

    def pci_ids_of(self, vendor: str) -> tuple[str, ...]:
        """The PCI vendor ids of a vendor's accelerators."""
        return tuple(key for key, each in self.pci_vendors.items() if each.use == vendor)

    def images_of(self, vendor: str) -> tuple[CatalogImage, ...]:
        """A vendor's images, in the order of the file."""
        return self.images_by_vendor.get(vendor, ())

    @cached_property
    def images_by_vendor(self) -> dict[str, tuple[CatalogImage, ...]]:
        """Every image by whom it is for."""
        vendors = dict.fromkeys(image.vendor for image in self.every_image)
        return {
            vendor: tuple(image for image in self.every_image if image.vendor == vendor) for vendor in vendors
        }

    def unknown_repositories(self, wanted: Mapping[str, str]) -> Iterator[str]:
        """A line for each place (file and entry) that names a repository which is not in the catalog."""
        for where, repository in wanted.items():
            if repository not in self.repositories:
                yield f"{where}: repository {repository} is not in repositories.yml"

    def unknown_systems(self, named: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """A line for each place that names a system which is not in the catalog: it would offer nothing."""
        for where, systems in named.items():
            for system in dict.fromkeys(systems):
                if system not in self.operating_systems:
                    yield f"{where}: system {system} is not in operating_systems.yml"

    @cached_property
    def facts_by_model(self) -> dict[type[VendorFacts], VendorFacts]:
        """Every vendor's facts by their model."""
        return {type(each): each for each in self.facts.values()}
