"""All that the catalog knows of NVIDIA, and the rules that span its entries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from itertools import pairwise

from typing_extensions import override

from xpulab.catalog.claims import Branch, ChosenPackage, Claims, Floor, Place
from xpulab.catalog.facts import VendorFacts
from xpulab.catalog.models import Catalog
from xpulab.resolving.nvidia.entries import (
    ChipRange,
    ContainerToolkit,
    Cuda,
    NvidiaDriver,
    NvidiaFamily,
    NvidiaUpstreams,
    VirtualGpus,
)


class NvidiaFacts(VendorFacts):
    """GPU families, virtual GPUs, driver branches, container toolkit, CUDA, and where their news is."""

    families: dict[str, NvidiaFamily]
    virtual_gpus: VirtualGpus
    driver: NvidiaDriver
    container_toolkit: ContainerToolkit
    cuda: dict[str, Cuda]
    upstreams: NvidiaUpstreams

    @cached_property
    def _ranges(self) -> tuple[list[str], list[tuple[str, NvidiaFamily, ChipRange]]]:
        """The first device id of each range of chips in order, and what it is a range of."""
        ranges = [(key, family, chips) for key, family in self.families.items() for chips in family.chips]
        ranges.sort(key=lambda each: each[2].first)
        return [chips.first for _, _, chips in ranges], ranges

    def chips_of(self, device: str) -> tuple[str, NvidiaFamily, ChipRange] | None:
        """Key of the family, family and range that a device id lies in, None where it lies in no range."""
        firsts, ranges = self._ranges
        at = bisect_right(firsts, device) - 1
        return ranges[at] if at >= 0 and device in ranges[at][2] else None

    def is_virtual(self, device: str, subsystem: str) -> bool:
        """Whether a device id with a subsystem (`10de:14bb`, "" where there is none) is a virtual GPU."""
        return (device, subsystem) in self.virtual_gpus.subsystems

    @override
    def on(self, day: date) -> NvidiaFacts:
        """Branches whose end of life has passed are end-of-life."""
        branches = {key: each.on(day) for key, each in self.driver.branches.items()}
        return self.model_copy(update={"driver": self.driver.model_copy(update={"branches": branches})})

    @override
    def claims(self) -> Claims:
        """Branches and their floors, and the container toolkit."""
        toolkit, bulletins = self.container_toolkit.packages, self.upstreams.bulletins
        place = Place("nvidia/container_toolkit.yml", ("packages",))
        minimum = Floor(
            place / "minimum_safe",
            toolkit.minimum_safe,
            bulletins.container_toolkit.products,
            bulletins.container_toolkit.platform,
        )
        return Claims(
            bulletins=bulletins,
            floors=(*self._driver_floors(), minimum),
            releases=self.upstreams.releases,
            branches=tuple(
                Branch(
                    Place("nvidia/driver.yml", ("branches", key)),
                    key,
                    each.kind,
                    each.latest,
                    each.state == "supported",
                    each.end_of_life,
                )
                for key, each in self.driver.branches.items()
            ),
            packages=(
                ChosenPackage(place / "version", toolkit.repository, toolkit.names[0], toolkit.version),
            ),
        )

    def _driver_floors(self) -> Iterator[Floor]:
        subject = self.upstreams.bulletins.driver
        for key, each in self.driver.branches.items():
            place = Place("nvidia/driver.yml", ("branches", key, "security_floor"))
            yield Floor(place, each.at_least, subject.products, subject.platform.format(branch=key))

    @property
    def daemons(self) -> tuple[str, ...]:
        """The persistence daemon and its like."""
        return self.driver.daemons.names

    @property
    def never_unattended(self) -> tuple[str, ...]:
        """A driver upgraded under a running module stops whatever uses the GPU."""
        return self.driver.unattended_upgrades.blocked

    def contradictions(self, catalog: Catalog) -> Iterator[str]:
        """One line per broken rule."""
        yield from self._overlapping_chips()
        yield from self._unknown_branches()
        yield from self._unknown_repositories(catalog)
        yield from self._unknown_systems(catalog)
        yield from self._unknown_nvlink5_chips()
        yield from self._images_that_cannot_be_judged(catalog)
        yield from self._unknown_builds_of_the_unified_workbench(catalog)

    def _overlapping_chips(self) -> Iterator[str]:
        ranges = sorted(
            (chips.first, chips.last, key) for key, family in self.families.items() for chips in family.chips
        )
        for (_, last, family), (first, _, other) in pairwise(ranges):
            if first <= last:
                where = f"nvidia/families.yml: {other}"
                yield f"{where}: range from {first} overlaps one of {family} up to {last}"

    def _unknown_branches(self) -> Iterator[str]:
        driver = self.driver
        if driver.default_branch not in driver.branches:
            yield f"nvidia/driver.yml: default_branch: {driver.default_branch} is not among branches"
        for key, branch in driver.branches.items():
            if branch.replaced_by and branch.replaced_by not in driver.branches:
                yield f"nvidia/driver.yml: {key}: replaced_by {branch.replaced_by} is not among branches"
        for key, family in self.families.items():
            if family.last_branch and family.last_branch not in driver.branches:
                where = f"nvidia/families.yml: {key}"
                yield f"{where}: last_branch {family.last_branch} is not in nvidia/driver.yml"

    def _unknown_repositories(self, catalog: Catalog) -> Iterator[str]:
        wanted = {
            "nvidia/driver.yml: cuda": self.driver.cuda.repository,
            "nvidia/container_toolkit.yml: packages": self.container_toolkit.packages.repository,
        }
        return catalog.unknown_repositories(wanted)

    def _unknown_systems(self, catalog: Catalog) -> Iterator[str]:
        driver = self.driver
        named = {
            **{
                f"nvidia/driver.yml: {key}": (*each.archive, *each.cuda_repository, *each.unseen)
                for key, each in driver.branches.items()
            },
            "nvidia/driver.yml: cuda": tuple(driver.cuda.compilers),
        }
        return catalog.unknown_systems(named)

    def _unknown_nvlink5_chips(self) -> Iterator[str]:
        known = {chips.codename for family in self.families.values() for chips in family.chips}
        for codename in self.driver.nvlink5.codenames:
            if codename not in known:
                yield f"nvidia/driver.yml: nvlink5: no chips {codename} in nvidia/families.yml"

    def _images_that_cannot_be_judged(self, catalog: Catalog) -> Iterator[str]:
        for image in catalog.images_of("nvidia"):
            if image.cuda not in self.cuda or not image.compute_capabilities:
                yield (
                    f"images.yml: {image.reference}: an NVIDIA image needs compute_capabilities "
                    "and a cuda that is in nvidia/cuda.yml"
                )

    def _unknown_builds_of_the_unified_workbench(self, catalog: Catalog) -> Iterator[str]:
        parts = catalog.workbench
        for build in parts.unified.cuda:
            if build not in parts.wheels or parts.wheels[build].cuda not in self.cuda:
                yield (
                    f"workbench.yml: unified: {build} must stand in wheels, "
                    "with a cuda that is in nvidia/cuda.yml"
                )
