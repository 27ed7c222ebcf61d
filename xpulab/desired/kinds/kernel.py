"""The kernel that must run, and its modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from debian.debian_support import NativeVersion
from typing_extensions import override

from xpulab.desired.thing import Boot, Difference, Mend, Phase, Shell, Thing
from xpulab.probing.observed import KernelModule, Observed
from xpulab.probing.watched import Watched
from xpulab.resolving.kernels import is_older


@dataclass(frozen=True)
class WantedKernel(Thing):
    """The running kernel must be of this series or a later one; the package brings such a kernel."""

    series: str
    package: str

    kind: ClassVar[str] = "reboot"

    @property
    @override
    def claim(self) -> str:
        """Always the same: a host runs one."""
        return "kernel"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """An older one runs."""
        if is_older(observed.kernel, self.series):
            wish = f"{self.series} or later, from {self.package}"
            yield Difference(self.kind, "kernel", f"{observed.kernel} runs", wish, Boot())


@dataclass(frozen=True)
class LoadedModule(Thing):
    """A kernel module that must run in the very version and flavour that is on disk.

    `license` is modinfo's license of the wanted flavour, None when any will do; the packages in
    `provided_by` bring the module, and the one in `version_of` has its very version. `displaces` names
    modules that hold the same device: while one of them is loaded, only a reboot brings ours in.
    """

    name: str
    license: str | None = None
    provided_by: tuple[str, ...] = ()
    displaces: tuple[str, ...] = ()
    version_of: str | None = None

    kind: ClassVar[str] = "kernel module"

    @property
    @override
    def claim(self) -> str:
        """The module's name."""
        return self.name

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not loaded, another one is, or it is not the one on disk."""
        found = observed.modules.get(self.name, KernelModule(self.name))
        holders = [each for each in self.displaces if observed.modules.get(each, KernelModule(each)).loaded]
        packaged = all(name in observed.packages for name in self.provided_by)
        on_disk = (packaged and found.disk_version) or "the packaged module"
        version = self._version_in(observed) if packaged else None
        if holders:
            yield self._boot(f"{', '.join(holders)} holds the device", on_disk)
        elif version and found.disk_version and found.disk_version != version:
            yield self._of_no_package(found.disk_version, version)
        elif found.loaded and not (packaged and _runs_what_is_on_disk(found)):
            yield self._boot(f"{found.loaded_version or 'the in-tree one'} runs", on_disk)
        elif not found.loaded and packaged and not (found.disk_version or found.disk_srcversion):
            yield self._boot(f"not on disk for kernel {observed.kernel}", "the kernel it was installed for")
        elif not found.loaded:
            yield self._load("not loaded", on_disk)
        elif self.license and found.disk_license != self.license:
            yield self._load(f"license {found.disk_license}", self.license)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        seen = {each.name for each in watched.modules}
        return [f"kernel module {name}" for name in (self.name, *self.displaces) if name not in seen]

    def _version_in(self, observed: Observed) -> str | None:
        """The version that the packages have, as the module spells it."""
        package = observed.packages.get(self.version_of or "")
        return NativeVersion(package.version).upstream_version if package else None

    def _of_no_package(self, found: str, wanted: str) -> Difference:
        """Another module stands where the kernel looks first: an installer put it there that is not apt."""
        lines = (
            f"file=$(modinfo -n {quote(self.name)})",
            f'echo "$file is version {found}, beside packages of {wanted}: $(dpkg -S "$file" 2>&1);'
            ' remove it, run depmod -a, and run again" >&2',
            "exit 1",
        )
        mend = Shell(Phase.MODULES, "look for", lines, self.name)
        return Difference(self.kind, self.name, f"{found} on disk", f"{wanted}, as its packages", mend)

    def _boot(self, found: str, wanted: str) -> Difference:
        return Difference("reboot", self.name, found, wanted, Boot())

    def _load(self, found: str, wanted: str) -> Difference:
        mend: Mend = Shell(Phase.MODULES, "load", (f"modprobe {quote(self.name)}",), self.name)
        return Difference(self.kind, self.name, found, wanted, mend)


def _runs_what_is_on_disk(found: KernelModule) -> bool:
    return (found.loaded_version, found.loaded_srcversion) == (found.disk_version, found.disk_srcversion)
