"""Containers that a systemd unit keeps running."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from xpulab.desired.container_scripts import SWITCH_TIMEOUT_S, Switch, fetch, stage, switch
from xpulab.desired.image_scripts import PULL_TIMEOUT_S
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.unit import ENABLED
from xpulab.desired.thing import NOT_THERE, Difference, Phase, Run, Runs, Thing
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched, WatchedContainer
from xpulab.resolving.target import Image


@dataclass(frozen=True)
class Container(Thing):
    """A container that a systemd unit keeps running; image and files are switched together, or not at all.

    `launcher` is the one of the files that checks, tries and runs it; `state` is its folder on the host.
    """

    name: str
    unit: str
    image: Image
    files: tuple[File, ...]
    launcher: str
    state: str

    kind: ClassVar[str] = "container"

    @property
    @override
    def claim(self) -> str:
        """Its name."""
        return self.name

    @property
    def configuration(self) -> str:
        """What the running container's label has to say: the sum of its files, made by the launcher too."""
        return hashlib.sha256("".join(file.content for file in self.files).encode()).hexdigest()

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """It is not healthy, or not of the wanted image and files."""
        wrong = list(self._wrong(observed))
        if wrong:
            wish = f"healthy, from {self.image.by_digest}"
            texts = tuple(text for each in self._unlike_files(observed) for text in each.rewrites)
            yield Difference(self.kind, self.name, "; ".join(wrong), wish, self._switched(), texts)

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        files = [word for file in self.files for word in file.unwatched(watched)]
        units = [] if self.unit in watched.units else [f"unit {self.unit}"]
        seen = WatchedContainer(self.name, self.unit) in watched.containers
        return [*files, *units, *([] if seen else [f"container {self.name}"])]

    def _wrong(self, observed: Observed) -> Iterator[str]:
        unit, found = observed.units.get(self.unit), observed.containers.get(self.name)
        if unit is None or not unit.loaded:
            yield NOT_THERE
            return
        yield from (f"{each.name}: {each.found}" for each in self._unlike_files(observed))
        if unit.enabled not in ENABLED:
            yield f"{self.unit} is {unit.enabled or 'not enabled'}"
        if found is None:
            yield "stopped" if unit.active in ("inactive", "failed") else unit.active
            return
        if (found.state, found.health) != ("running", "healthy"):
            yield found.health if found.state == "running" and found.health else found.state
        if found.image != self.image.by_digest:
            yield f"runs {found.image}"
        elif found.configuration != self.configuration:
            yield "started with another configuration"

    def _unlike_files(self, observed: Observed) -> list[Difference]:
        return [each for file in self.files for each in file.differences(observed)]

    def _switched(self) -> Runs:
        """Whatever can go wrong goes wrong before the container that runs is stopped, or brings it back."""
        files = {file.path: (file.content, file.mode) for file in self.files}
        there = Switch(self.name, self.unit, self.image, files, self.launcher, self.state, self.configuration)
        return Runs(
            Phase.CONTAINERS,
            (
                Run(f"check what {self.name} needs", stage(there)),
                Run(
                    f"pull {self.image.reference}",
                    fetch(self.image),
                    timeout=PULL_TIMEOUT_S,
                    on_failure="the registry does not answer, or does not have the image",
                ),
                Run(f"switch {self.name}", switch(there), timeout=SWITCH_TIMEOUT_S),
            ),
        )
