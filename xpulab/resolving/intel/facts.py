"""All that the catalog knows of Intel, and the rules that span its entries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from typing_extensions import override

from xpulab.catalog.claims import ChosenPackage, Claims, Firmware, Place
from xpulab.catalog.facts import VendorFacts
from xpulab.catalog.models import Catalog
from xpulab.resolving.intel.entries import (
    IntelCompute,
    IntelFamily,
    IntelIntegrated,
    IntelOneapi,
)


class IntelFacts(VendorFacts):
    """GPU families, channels of the user space, oneAPI."""

    devices: dict[str, IntelFamily]
    integrated: IntelIntegrated
    compute: IntelCompute
    oneapi: IntelOneapi

    @cached_property
    def by_device(self) -> dict[str, tuple[str, str]]:
        """Family key and product name by device id."""
        return {
            device: (key, name)
            for key, family in self.devices.items()
            for name, devices in family.devices.items()
            for device in devices
        }

    @override
    def claims(self) -> Claims:
        """The oneAPI runtime, and the firmware of channels whose packages are the distribution's."""
        oneapi = self.oneapi.runtime
        place = Place("intel/oneapi.yml", ("runtime", "newest"))
        runtime = ChosenPackage(place, oneapi.repository, oneapi.packages[0], oneapi.newest)
        return Claims(packages=(runtime,), firmware=tuple(self._firmware()))

    def _firmware(self) -> Iterator[Firmware]:
        for key, channel in self.compute.channels.items():
            if channel.firmware is None:
                continue
            place = Place("intel/compute.yml", ("channels", key, "packages"))
            for system, suite in channel.suites.items():
                there = channel.on(system)
                if there.repository is None:
                    continue  # the rule reads repositories; a system's own archive is none of the catalog's
                for path in channel.firmware.files:
                    yield Firmware(
                        place,
                        path,
                        there.packages,
                        there.repository,
                        system,
                        suite,
                        channel.firmware.component,
                    )

    @property
    def never_unattended(self) -> tuple[str, ...]:
        """A module that is upgraded under a running kernel stops whatever uses the GPU."""
        return self.compute.unattended_upgrades.blocked

    def contradictions(self, catalog: Catalog) -> Iterator[str]:
        """One line per broken rule."""
        yield from self._repeated_devices()
        yield from self._unknown_repositories(catalog)
        yield from self._unknown_systems(catalog)
        yield from self._unknown_families(catalog)
        yield from self._unknown_channels(catalog)

    def _repeated_devices(self) -> Iterator[str]:
        seen: dict[str, str] = {}
        for key, family in self.devices.items():
            for device in (device for devices in family.devices.values() for device in devices):
                if device in seen:
                    yield f"intel/devices.yml: {key}: device {device} also stands in {seen[device]}"
                seen[device] = key

    def _unknown_repositories(self, catalog: Catalog) -> Iterator[str]:
        wanted = {
            "intel/oneapi.yml: runtime": self.oneapi.runtime.repository,
            **{
                f"intel/compute.yml: {key}": each.repository
                for key, each in self.compute.channels.items()
                if each.repository
            },
        }
        return catalog.unknown_repositories(wanted)

    def _unknown_systems(self, catalog: Catalog) -> Iterator[str]:
        for key, family in self.devices.items():
            for system in family.listed_on:
                if system not in (*catalog.operating_systems, *catalog.later_systems):
                    yield f"intel/devices.yml: {key}: listed_on {system} is no system of the catalog"
        named = {
            f"intel/compute.yml: {key}": (*each.suites, *each.kernels, *each.unvalidated, *each.systems)
            for key, each in self.compute.channels.items()
        }
        yield from catalog.unknown_systems(named)

    def _unknown_families(self, catalog: Catalog) -> Iterator[str]:
        images = catalog.images_of("intel")
        named = {
            **{
                f"intel/compute.yml: {key}": (
                    *each.families,
                    *(family for there in each.systems.values() for family in there.families),
                )
                for key, each in self.compute.channels.items()
            },
            **{f"images.yml: {image.reference}": image.families for image in images},
            **{
                f"workbench.yml: wheels: {key}": wheels.families
                for key, wheels in catalog.workbench.wheels.items()
            },
        }
        for where, families in named.items():
            for family in set(families) - set(self.devices):
                yield f"{where}: family {family} is not in intel/devices.yml"
        for image in images:
            if not image.families:
                yield f"images.yml: {image.reference}: an Intel image needs families"

    def _unknown_channels(self, catalog: Catalog) -> Iterator[str]:
        parts, channels = catalog.workbench, self.compute.channels
        for channel in set(channels) ^ set(parts.level_zero):
            yield (f"workbench.yml: level_zero: channel {channel} must stand here and in intel/compute.yml")
        for key, level_zero in parts.level_zero.items():
            of = channels.get(level_zero.channel)
            if of is None or not set(of.suites) & set(parts.systems):
                where = f"workbench.yml: level_zero: {key}"
                yield f"{where}: channel {level_zero.channel} has no suite for systems"
