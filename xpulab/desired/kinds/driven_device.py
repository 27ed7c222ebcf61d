"""Accelerators that a kernel driver holds, so that programs can open them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from typing_extensions import override

from xpulab.desired.thing import Boot, Difference, InApt, Mend, Phase, Shell, Thing
from xpulab.probing.observed import KernelModule, Observed
from xpulab.probing.watched import Watched


@dataclass(frozen=True)
class DrivenDevice(Thing):
    """A PCI function that one of the drivers must hold, the first of them by preference.

    With `render_node`, programs open it by one. What `loads` has its module loaded from here, and installed
    from the packages in `provided_by` where it is not on disk; the module of any other is some LoadedModule's
    matter.
    """

    address: str
    name: str
    drivers: tuple[str, ...]
    render_node: bool = False
    loads: bool = False
    provided_by: tuple[str, ...] = ()

    kind: ClassVar[str] = "device"

    @property
    @override
    def claim(self) -> str:
        """Its PCI address."""
        return self.address

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """No driver holds it, one that does nothing for it does, or its node is missing."""
        function = next((each for each in observed.pci if each.address == self.address), None)
        if function is None:
            return
        if function.driver in self.drivers:
            if self.render_node and not function.render_node:
                yield self._difference(f"driver {function.driver} gives it no render node", self._explained())
            elif self.loads and not _is_on_disk(observed.modules.get(function.driver)):
                yield from self._without_module(observed, f"the next boot finds no {function.driver}")
        elif function.driver:
            yield self._difference(f"held by {function.driver}", self._explained())
        else:
            yield from self._without_driver(observed)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        seen = {each.name for each in watched.modules}
        return [f"kernel module {name}" for name in self.drivers if name not in seen]

    def _without_driver(self, observed: Observed) -> Iterator[Difference]:
        modules = [observed.modules.get(name, KernelModule(name)) for name in self.drivers]
        loaded = [each for each in modules if each.loaded]
        on_disk = [each for each in modules if _is_on_disk(each)]
        words = "no driver"
        if any(_is_another_build(each) for each in loaded):
            yield self._difference(f"{words}: {loaded[0].name} runs in another build than on disk", Boot())
        elif loaded and (self.loads or loaded[0].name == self.drivers[0]):
            yield self._difference(f"{words}, though {loaded[0].name} is loaded", self._explained())
        elif not self.loads:
            return
        elif on_disk:
            mend = Shell(Phase.MODULES, "load", (f"modprobe {quote(on_disk[0].name)}",), on_disk[0].name)
            yield self._difference(words, mend)
        else:
            yield from self._without_module(observed, f"{words}: {observed.kernel} has none on disk")

    def _without_module(self, observed: Observed, found: str) -> Iterator[Difference]:
        missing = [name for name in self.provided_by if name not in observed.packages]
        for package in missing:
            yield self._difference(found, InApt(package))
        if not missing:
            yield self._difference(found, self._explained())

    def _difference(self, found: str, mend: Mend) -> Difference:
        wanted = f"driven by {' or '.join(self.drivers)}"
        return Difference(self.kind, f"{self.name} at {self.address}", found, wanted, mend)

    def _explained(self) -> Mend:
        """There is nothing that a run could do: the kernel's own words go to a person."""
        drivers, address = " or ".join(self.drivers), quote(self.address)
        lines = (
            f'driver=$(basename "$(readlink /sys/bus/pci/devices/{address}/driver)")',
            f"said=$(dmesg 2>/dev/null | grep -F {address} | tail -n 3)",
            f'echo "{self.address} is not driven by {drivers} (driver: ${{driver:-none}}); look for'
            " a module of another build, and for force_probe and blacklists in /etc/modprobe.d."
            ' The kernel says: ${said:-nothing of it}" >&2',
            "exit 1",
        )
        return Shell(Phase.MODULES, "look at", lines, self.name)


def _is_on_disk(found: KernelModule | None) -> bool:
    """Whether modprobe has it for the running kernel; of one that is built in, modinfo knows the licence."""
    return found is not None and bool(found.disk_version or found.disk_srcversion or found.disk_license)


def _is_another_build(found: KernelModule) -> bool:
    """Whether what runs is not what is on disk, such as a module that DKMS built before its package went."""
    on_disk = (found.disk_version, found.disk_srcversion)
    return any(on_disk) and (found.loaded_version, found.loaded_srcversion) != on_disk
