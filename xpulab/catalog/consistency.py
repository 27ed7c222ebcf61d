"""Rules that span entries: names that must exist elsewhere, ids that must be unique."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from xpulab.catalog.models import Catalog


def contradictions(catalog: Catalog) -> list[str]:
    """One line per broken rule: file, entry, rule. Empty for a sound catalog."""
    return [
        *_overlapping_chips(catalog),
        *_repeated_intel_devices(catalog),
        *_unknown_branches(catalog),
        *_unknown_repositories(catalog),
        *_unknown_intel_families(catalog),
        *_images_without_an_accelerator(catalog),
        *_unknown_systems(catalog),
        *_unknown_nvlink5_chips(catalog),
        *_unknown_parts_of_workbenches(catalog),
    ]


def _overlapping_chips(catalog: Catalog) -> Iterator[str]:
    ranges = sorted(
        (chips.first, chips.last, family)
        for family, entry in catalog.nvidia_families.items()
        for chips in entry.chips
    )
    for (_, last, family), (first, _, other) in pairwise(ranges):
        if first <= last:
            yield f"nvidia_families.yml: {other}: range from {first} overlaps one of {family} up to {last}"


def _repeated_intel_devices(catalog: Catalog) -> Iterator[str]:
    seen: dict[str, str] = {}
    for key, family in catalog.intel_devices.items():
        for device in (device for devices in family.devices.values() for device in devices):
            if device in seen:
                yield f"intel_devices.yml: {key}: device {device} also stands in {seen[device]}"
            seen[device] = key


def _unknown_branches(catalog: Catalog) -> Iterator[str]:
    driver = catalog.nvidia_driver
    if driver.default_branch not in driver.branches:
        yield f"nvidia_driver.yml: default_branch: {driver.default_branch} is not among branches"
    for key, family in catalog.nvidia_families.items():
        if family.last_branch and family.last_branch not in driver.branches:
            yield f"nvidia_families.yml: {key}: last_branch {family.last_branch} is not in nvidia_driver.yml"


def _unknown_repositories(catalog: Catalog) -> Iterator[str]:
    wanted = [
        ("nvidia_driver.yml", "cuda", catalog.nvidia_driver.cuda.repository),
        *(
            ("operating_systems.yml", key, kernel.repository)
            for key, system in catalog.operating_systems.items()
            for kernel in system.kernels
            if kernel.repository
        ),
        (
            "nvidia_container_toolkit.yml",
            "packages",
            catalog.nvidia_container_toolkit.packages.repository,
        ),
        ("intel_oneapi.yml", "runtime", catalog.intel_oneapi.runtime.repository),
        *(
            ("intel_compute.yml", key, each.repository)
            for key, each in catalog.intel_compute.channels.items()
        ),
        *(("docker.yml", key, each.repository) for key, each in catalog.docker.items() if each.repository),
    ]
    for file, entry, repository in wanted:
        if repository not in catalog.repositories:
            yield f"{file}: {entry}: repository {repository} is not in repositories.yml"


def _unknown_intel_families(catalog: Catalog) -> Iterator[str]:
    for key, channel in catalog.intel_compute.channels.items():
        for family in set(channel.families) - set(catalog.intel_devices):
            yield f"intel_compute.yml: {key}: family {family} is not in intel_devices.yml"


def _images_without_an_accelerator(catalog: Catalog) -> Iterator[str]:
    for image in catalog.every_image:
        where = f"images.yml: {image.reference}"
        if image.vendor == "nvidia" and (image.cuda not in catalog.cuda or not image.compute_capabilities):
            yield f"{where}: an NVIDIA image needs compute_capabilities and a cuda that is in cuda.yml"
        if image.vendor == "intel" and not image.families:
            yield f"{where}: an Intel image needs families"
        for family in set(image.families) - set(catalog.intel_devices):
            yield f"{where}: family {family} is not in intel_devices.yml"


def _unknown_systems(catalog: Catalog) -> Iterator[str]:
    """A misspelt system would silently offer nothing."""
    driver = catalog.nvidia_driver
    named = [
        *(
            ("nvidia_driver.yml", key, (*each.archive, *each.cuda_repository))
            for key, each in driver.branches.items()
        ),
        ("nvidia_driver.yml", "cuda", tuple(driver.cuda.compilers)),
        *(
            ("intel_compute.yml", key, (*each.suites, *each.kernels, *each.unvalidated))
            for key, each in catalog.intel_compute.channels.items()
        ),
        *(("docker.yml", key, tuple(each.notes)) for key, each in catalog.docker.items()),
    ]
    for file, entry, systems in named:
        for system in dict.fromkeys(systems):
            if system not in catalog.operating_systems:
                yield f"{file}: {entry}: system {system} is not in operating_systems.yml"


def _unknown_nvlink5_chips(catalog: Catalog) -> Iterator[str]:
    known = {chips.codename for family in catalog.nvidia_families.values() for chips in family.chips}
    for codename in catalog.nvidia_driver.nvlink5.codenames:
        if codename not in known:
            yield f"nvidia_driver.yml: nvlink5: no chips {codename} in nvidia_families.yml"


def _unknown_parts_of_workbenches(catalog: Catalog) -> Iterator[str]:
    parts = catalog.workbench
    for system in set(parts.systems) - set(catalog.operating_systems):
        yield f"workbench.yml: systems: system {system} is not in operating_systems.yml"
    for channel in set(catalog.intel_compute.channels) ^ set(parts.level_zero):
        yield f"workbench.yml: level_zero: channel {channel} must stand here and in intel_compute.yml"
    for key, level_zero in parts.level_zero.items():
        of = catalog.intel_compute.channels.get(level_zero.channel)
        if of is None or not set(of.suites) & set(parts.systems):
            yield f"workbench.yml: level_zero: {key}: channel {level_zero.channel} has no suite for systems"
    for key, wheels in parts.wheels.items():
        for family in set(wheels.families) - set(catalog.intel_devices):
            yield f"workbench.yml: wheels: {key}: family {family} is not in intel_devices.yml"
    for build in parts.unified.cuda:
        if build not in parts.wheels or parts.wheels[build].cuda not in catalog.cuda:
            yield f"workbench.yml: unified: {build} must stand in wheels, with a cuda that is in cuda.yml"
    if parts.unified.level_zero not in parts.level_zero:
        yield f"workbench.yml: unified: level_zero {parts.unified.level_zero} is not in level_zero"
