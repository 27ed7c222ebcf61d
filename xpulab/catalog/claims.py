"""What of a catalog its vendors' own servers can contradict, in words that are the same for every vendor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from xpulab.catalog.entry import Entry, Url


class ReleaseList(Entry):
    """Where a vendor lists the releases of its driver, by branch."""

    url: Url


class BulletinFolder(Entry):
    """Where a vendor publishes security bulletins, as CSAF documents with a yearly index.

    Both addresses have `{year}` in them, that of a document also `{bulletin}`.
    """

    index: Url
    document: Url


class Ages(Entry):
    """How many days old an entry may grow before somebody has to read its source again."""

    days: Annotated[int, Field(gt=0)]


class KeyExpiry(Entry):
    """How many days before an apt key expires it is worth a warning."""

    days: Annotated[int, Field(gt=0)]


class PackageIndex(Entry):
    """Where a package index tells the newest release of a package."""

    url: Url


@dataclass(frozen=True)
class Place:
    """A value of the catalog: a file in its folder, and the keys that lead to the value."""

    file: str
    keys: tuple[str | int, ...]

    def __str__(self) -> str:
        """The place as an error names it: `nvidia/driver.yml: branches > 580 > latest`."""
        return f"{self.file}: {' > '.join(str(key) for key in self.keys)}"

    def __truediv__(self, key: str | int) -> Place:
        """A place in this one."""
        return Place(self.file, (*self.keys, key))


@dataclass(frozen=True)
class Floor:
    """The oldest version that is safe, at its place; None where no bulletin was read about it yet.

    Bulletins speak of it as one of `products` on `platform`.
    """

    place: Place
    version: str | None
    products: tuple[str, ...]
    platform: str


@dataclass(frozen=True)
class Branch:
    """A branch of a driver, at the place of its entry."""

    place: Place
    name: str
    kind: str
    latest: str | None
    supported: bool
    end_of_life: date


@dataclass(frozen=True)
class ChosenPackage:
    """A package of a vendor's repository, and the version of it that is chosen, at its place."""

    place: Place
    repository: str
    name: str
    version: str


@dataclass(frozen=True)
class Firmware:
    """A file that a driver loads, and the packages for it, at their place, in one component of a suite."""

    place: Place
    path: str
    packages: tuple[str, ...]
    repository: str
    system: str
    suite: str
    component: str


@dataclass(frozen=True)
class Claims:
    """All that one vendor's facts claim of its servers."""

    bulletins: BulletinFolder | None = None
    floors: tuple[Floor, ...] = ()
    releases: ReleaseList | None = None
    branches: tuple[Branch, ...] = ()
    packages: tuple[ChosenPackage, ...] = ()
    firmware: tuple[Firmware, ...] = ()
