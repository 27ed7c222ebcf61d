"""Rules that span the entries that vendors share: names that must exist elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from xpulab.catalog.models import Catalog

NO_VENDOR = frozenset({"unsupported", "none"})
"""What `use` of a PCI vendor says where it is no vendor of the catalog."""
CPU = "cpu"
"""What images are for that need no accelerator."""


def contradictions(catalog: Catalog) -> list[str]:
    """One line per broken rule: file, entry, rule. Empty for a sound catalog."""
    return [
        *_unknown_vendors(catalog),
        *_unknown_repositories(catalog),
        *_unknown_systems(catalog),
        *_unknown_parts_of_workbenches(catalog),
    ]


def _unknown_vendors(catalog: Catalog) -> Iterator[str]:
    known = ", ".join(catalog.facts)
    for key, vendor in catalog.pci_vendors.items():
        if vendor.use not in catalog.facts and vendor.use not in NO_VENDOR:
            yield f"pci_vendors.yml: {key}: use {vendor.use} is none of {known}, unsupported, none"
    for image in catalog.every_image:
        if image.vendor not in catalog.facts and image.vendor != CPU:
            yield f"images.yml: {image.reference}: vendor {image.vendor} is none of {known}, {CPU}"


def _unknown_repositories(catalog: Catalog) -> Iterator[str]:
    kernels = {
        f"operating_systems.yml: {key}: {kernel.title}": kernel.repository
        for key, system in catalog.operating_systems.items()
        for kernel in system.kernels
        if kernel.repository
    }
    engines = {
        f"docker.yml: {key}": each.repository for key, each in catalog.docker.items() if each.repository
    }
    return catalog.unknown_repositories({**kernels, **engines})


def _unknown_systems(catalog: Catalog) -> Iterator[str]:
    """A misspelt system would silently offer nothing."""
    engines = {f"docker.yml: {key}": (*each.notes, *each.systems) for key, each in catalog.docker.items()}
    keys = {f"repositories.yml: {key}: keys": tuple(each.keys) for key, each in catalog.repositories.items()}
    bases = {"workbench.yml: systems": tuple(catalog.workbench.systems)}
    return catalog.unknown_systems({**engines, **keys, **bases})


def _unknown_parts_of_workbenches(catalog: Catalog) -> Iterator[str]:
    parts = catalog.workbench
    if parts.unified.level_zero not in parts.level_zero:
        yield f"workbench.yml: unified: level_zero {parts.unified.level_zero} is not in level_zero"
