"""Systems that see accelerators which are not theirs to drive."""

from __future__ import annotations

from fnmatch import fnmatchcase

from xpulab.catalog.entry import Entry, Record


class Platform(Entry):
    """What a system is besides a machine of its own, how it is told, and what a person does there.

    The accelerators of a `paravirtual` one are none on its PCI bus.
    """

    title: str
    kernels: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    remedy: str
    paravirtual: bool = False


class Clusters(Entry):
    """The systemd units by which a node of a cluster is told."""

    units: tuple[str, ...]


class PassedThrough(Entry):
    """Drivers that hold a PCI function for a virtual machine."""

    drivers: tuple[str, ...]


class Platforms(Record):
    """All of them; the first one that fits counts."""

    known: dict[str, Platform]
    passed_through: PassedThrough

    def of(self, kernel: str, container_of: str | None) -> Platform | None:
        """The platform of a system by `uname -r` and by what runs it; None for a machine of its own."""
        return next(
            (
                each
                for each in self.known.values()
                if any(fnmatchcase(kernel, pattern) for pattern in each.kernels)
                or (container_of and any(fnmatchcase(container_of, pattern) for pattern in each.containers))
            ),
            None,
        )
