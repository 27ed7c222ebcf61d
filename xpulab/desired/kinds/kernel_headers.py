"""Headers that a kernel module is built with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from debian.debian_support import NativeVersion
from typing_extensions import override

from xpulab.desired.thing import NOT_THERE, Boot, Difference, InApt, Thing
from xpulab.probing.observed import Observed
from xpulab.resolving.kernels import flavour_suffix


@dataclass(frozen=True)
class KernelHeaders(Thing):
    """Headers of the running kernel; where no source has them any more, a newer kernel that has its own.

    An archive keeps the headers of the newest few kernels alone, and a host that was not booted for months
    runs an older one. The packages `newer` bring the newest kernel with its headers. `prefix` begins every
    such package.
    """

    package: str
    newer: tuple[str, ...]
    prefix: str

    kind: ClassVar[str] = "kernel headers"

    @property
    @override
    def claim(self) -> str:
        """The package."""
        return self.package

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """They are not there; once a newer kernel has its own, the host has to boot it."""
        if self.package in observed.packages:
            return
        if later := self._later(observed):
            found = f"no headers for {observed.kernel}"
            yield Difference("reboot", self.package, found, f"kernel {later}, which has its own", Boot())
        else:
            mend = InApt(self.package, otherwise=self.newer)
            yield Difference(self.kind, self.package, NOT_THERE, "installed", mend)

    def _later(self, observed: Observed) -> str | None:
        """The newest installed kernel after the running one, of its flavour, whose headers are there, too."""
        there = [name.removeprefix(self.prefix) for name in observed.packages if name.startswith(self.prefix)]
        flavour = flavour_suffix(observed.kernel)
        later = [
            each
            for each in there
            if flavour_suffix(each) == flavour
            and f"linux-image-{each}" in observed.packages
            and NativeVersion(each) > NativeVersion(observed.kernel)
        ]
        return max(later, key=NativeVersion, default=None)
