"""The host that a command line describes: one that need not exist, or this machine with something changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xpulab.catalog.models import Catalog
from xpulab.explaining import hypothetical
from xpulab.probing.observed import Observed

DEFAULT_SYSTEM = "ubuntu-22.04"


@dataclass(frozen=True)
class Description:
    """What is said of a host; None leaves it to `machine`, the machine that is there, or to the defaults."""

    system: str | None = None
    kernel: str | None = None
    secure_boot: bool | None = None
    machine: Observed | None = None

    def host(self, pci_ids: Sequence[str], catalog: Catalog) -> Observed:
        """The host with these PCI ids; without any, a CPU host or the machine with what it has."""
        if self.machine is None:
            return self._new(pci_ids, DEFAULT_SYSTEM, bool(self.secure_boot), catalog)
        return self._changed(self.machine, pci_ids, catalog)

    def _changed(self, machine: Observed, pci_ids: Sequence[str], catalog: Catalog) -> Observed:
        """The machine with another system installed, or with its own as it stands."""
        secure_boot = machine.secure_boot if self.secure_boot is None else self.secure_boot
        new = self._new(pci_ids, machine.os, secure_boot, catalog)
        pci = new.pci if pci_ids else machine.pci
        if self.system not in (None, machine.os):
            return replace(new, pci=pci, architecture=machine.architecture)
        kernel = machine.kernel if self.kernel is None else self.kernel
        return replace(machine, kernel=kernel, secure_boot=secure_boot, pci=pci)

    def _new(self, pci_ids: Sequence[str], system: str, secure_boot: bool, catalog: Catalog) -> Observed:
        named = system if self.system is None else self.system
        return hypothetical.host(pci_ids, named, self.kernel, secure_boot, catalog)
