"""Desired state of one host as data. Manifests add up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from xpulab.resolving.target import Image


@dataclass(frozen=True)
class AptRepository:
    """A vendor's apt repository, written as one deb822 file, its key accepted by fingerprint only.

    `fingerprints` are the primary keys (40 hex digits) that the file at `key_url` may hold.
    """

    name: str
    key_url: str
    fingerprints: tuple[str, ...]
    uri: str
    suite: str
    components: tuple[str, ...] = ()


@dataclass(frozen=True)
class Package:
    """A package that must be installed: any version, one exact version, or within bounds.

    `below` is for a package whose name does not tell its branch: a version from there on is of another.
    `channel` is for one that several channels of a vendor have under one name.
    """

    name: str
    version: str | None = None
    minimum: str | None = None
    below: str | None = None
    channel: str | None = None

    @property
    def apt_argument(self) -> str:
        """The package as `apt-get install` takes it."""
        return f"{self.name}={self.version}" if self.version else self.name


@dataclass(frozen=True)
class WantedKernel:
    """The running kernel must be of this series or a later one; the package brings such a kernel."""

    series: str
    package: str


@dataclass(frozen=True)
class File:
    """A file with its whole content. `phase` says whether apt must see it first."""

    path: str
    content: str
    mode: str = "0644"
    phase: Literal["before-packages", "after-packages"] = "after-packages"


@dataclass(frozen=True)
class JsonSettings:
    """Keys that must stand in a JSON file; keys of others in the same file survive."""

    path: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Membership:
    """A user that must be a member of groups."""

    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class LoadedModule:
    """A kernel module that must run in the very version and flavour that is on disk.

    `license` is modinfo's license of the wanted flavour, None when any will do; the packages in
    `provided_by` bring the module. `displaces` names
    modules that hold the same device: while one of them is loaded, only a reboot brings ours in.
    """

    name: str
    license: str | None = None
    provided_by: tuple[str, ...] = ()
    displaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """A systemd unit that must be enabled and running, started anew after any of `configured_by`.

    `makes` names a file the unit writes: when it is missing, the unit is started again. A unit with
    `oneshot` is started only for that, and need not stay active.
    """

    name: str
    configured_by: tuple[str, ...] = ()
    makes: str | None = None
    oneshot: bool = False


@dataclass(frozen=True)
class Container:
    """A container that a systemd unit keeps running; image and files are switched together, or not at all.

    `launcher` is the one of the files that checks, tries and runs it; `state` is its folder on the host.
    """

    name: str
    unit: str
    image: Image
    files: tuple[File, ...]
    launcher: str
    state: str

    @property
    def configuration(self) -> str:
        """What the running container's label has to say: the sum of its files, made by the launcher too."""
        return hashlib.sha256("".join(file.content for file in self.files).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """Desired state; `absent_*` is what must not be there, packages by name or by a shell pattern."""

    repositories: tuple[AptRepository, ...] = ()
    packages: tuple[Package, ...] = ()
    absent_packages: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    absent_files: tuple[str, ...] = ()
    json_settings: tuple[JsonSettings, ...] = ()
    memberships: tuple[Membership, ...] = ()
    kernels: tuple[WantedKernel, ...] = ()
    modules: tuple[LoadedModule, ...] = ()
    units: tuple[Unit, ...] = ()
    images: tuple[Image, ...] = ()
    containers: tuple[Container, ...] = ()
    foreign_sources: Mapping[str, str] = field(default_factory=dict)
    """URI prefix of apt sources that only xpulab may own, and why: any other file with one is removed."""

    def __add__(self, other: Manifest) -> Manifest:
        """Both manifests in one; what stands in both is kept once."""
        merged: dict[str, Any] = {}
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if not theirs:
                merged[each.name] = mine
            elif isinstance(mine, Mapping):
                merged[each.name] = {**mine, **theirs}
            else:
                merged[each.name] = mine + tuple(item for item in theirs if item not in mine)
        return Manifest(**merged)
