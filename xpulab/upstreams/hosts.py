"""What hosts of every kind could be told to use: repositories, packages, images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from xpulab.catalog import Catalog
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.desired.role import Role
from xpulab.explaining import hypothetical
from xpulab.explaining.explanation import explain
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.resolving.target import Image, Target
from xpulab.resolving.vendors import VENDORS
from xpulab.upstreams.rules.packages import Wanted

POLICIES = (Policy(), Policy(engine="docker-ce"))


@dataclass(frozen=True)
class Needs:
    """All that the hosts use, each thing once."""

    repositories: tuple[AptRepository, ...]
    wanted: tuple[Wanted, ...]
    images: tuple[Image, ...]


def needs_of(
    known: Catalog,
    systems: Sequence[str],
    settings: HostSettings,
    roles: tuple[Role, ...],
    archive: Callable[[str], tuple[AptRepository, ...]],
) -> Needs:
    """What one host of every kind on these systems is told to use, by each policy that changes it."""
    repositories: dict[tuple[str, str], AptRepository] = {}
    images: dict[str, Image] = {}
    wanted: list[Wanted] = []
    for words, observed in _kinds_of_host(known, systems):
        for policy in POLICIES:
            explanation = explain(observed, settings.model_copy(update={"policy": policy}), known, roles)
            target = explanation.answer
            if not isinstance(target, Target):
                continue
            repositories |= {
                (each.name, each.key_url): each for each in explanation.manifest.of(AptRepository)
            }
            images[target.image.reference] = target.image
            manifest = _without_kernel_release(explanation.manifest, observed.kernel)
            wanted.append(Wanted(words, manifest, archive(target.os)))
    return Needs(tuple(repositories.values()), tuple(wanted), tuple(images.values()))


def _kinds_of_host(known: Catalog, systems: Sequence[str]) -> Iterator[tuple[str, Observed]]:
    """One host per system, kernel and kind of card, and one without a card."""
    cards = {
        f"{kind.family} {kind.name}": [f"{known.pci_ids_of(vendor.name)[0]}:{kind.devices[0]}"]
        for vendor in VENDORS.values()
        for kind in vendor.kinds(known)
    }
    cards["no card"] = []
    for system in systems:
        title = known.operating_systems[system].title
        for kernel in known.operating_systems[system].kernels:
            if kernel.superseded:
                continue  # its packages are those of the series that its flavour has become
            for card, ids in cards.items():
                release = hypothetical.a_release_of(kernel)
                yield f"{card} on {title}", hypothetical.host(ids, system, release, False, known)


def _without_kernel_release(manifest: Manifest, kernel: str) -> Manifest:
    """The manifest without packages of one kernel release, as this release is made up."""
    packages = tuple(each for each in manifest.of(Package) if kernel not in each.name)
    return Manifest((*manifest.of(AptRepository), *packages))
