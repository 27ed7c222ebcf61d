"""What differs between a host and its manifest: (Manifest, Observed) -> differences. Pure."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from debian.debian_support import NativeVersion

from xpulab.desired.apt import keyring_path, source_file
from xpulab.desired.manifest import (
    AptRepository,
    Container,
    File,
    JsonSettings,
    LoadedModule,
    Manifest,
    Membership,
    Package,
    Unit,
    WantedKernel,
)
from xpulab.probing.observed import FoundFile, KernelModule, Observed
from xpulab.resolving.kernels import is_older
from xpulab.resolving.target import Image

NOT_THERE = "not there"
ENABLED = frozenset({"enabled", "enabled-runtime", "static", "alias", "generated", "indirect"})


class Kind(Enum):
    """What sort of thing differs."""

    APT_KEY = "apt key"
    APT_SOURCE = "apt source"
    FOREIGN_SOURCE = "foreign apt source"
    EARLY_FILE = "file"
    SETTINGS = "settings"
    BROKEN_PACKAGE = "broken package"
    PACKAGE = "package"
    ABSENT_PACKAGE = "unwanted package"
    LATE_FILE = "late file"
    ABSENT_FILE = "unwanted file"
    MEMBERSHIP = "group membership"
    REBOOT = "reboot"
    MODULE = "kernel module"
    UNIT = "service"
    IMAGE = "image"
    CONTAINER = "container"

    @property
    def word(self) -> str:
        """The word for it in a plan; when a file is written is no concern of its reader."""
        return "file" if self is Kind.LATE_FILE else self.value


@dataclass(frozen=True)
class Difference:
    """One thing that is not as wanted; `item` is the manifest's entry for it."""

    kind: Kind
    name: str
    found: str
    wanted: str
    item: Any = None


def drift(manifest: Manifest, observed: Observed) -> tuple[Difference, ...]:
    """Every difference, in the order in which they are put right; empty for a converged host."""
    return (
        *_repositories(manifest.repositories, observed),
        *_foreign_sources(manifest, observed),
        *(d for file in manifest.files if file.phase == "before-packages" for d in _file(file, observed)),
        *(d for each in manifest.json_settings for d in _settings(each, observed)),
        *_packages(manifest, observed),
        *(d for file in manifest.files if file.phase == "after-packages" for d in _file(file, observed)),
        *(
            Difference(Kind.ABSENT_FILE, path, "there", "absent")
            for path in manifest.absent_files
            if path in observed.files
        ),
        *(d for each in manifest.memberships for d in _membership(each, observed)),
        *(d for kernel in manifest.kernels for d in _kernel(kernel, observed)),
        *(d for module in manifest.modules for d in _module(module, observed)),
        *(d for unit in manifest.units for d in _unit(unit, observed)),
        *(d for image in manifest.images for d in _image(image, observed)),
        *(d for each in manifest.containers for d in _container(each, observed)),
    )


def _repositories(repositories: tuple[AptRepository, ...], observed: Observed) -> Iterator[Difference]:
    for repository in repositories:
        if keyring_path(repository) not in observed.files:
            fingerprints = " or ".join(repository.fingerprints)
            yield Difference(Kind.APT_KEY, repository.name, NOT_THERE, fingerprints, repository)
        for difference in _file(source_file(repository), observed):
            yield Difference(
                Kind.APT_SOURCE,
                repository.name,
                difference.found,
                f"{repository.uri} {repository.suite}",
                difference.item,
            )


def _foreign_sources(manifest: Manifest, observed: Observed) -> Iterator[Difference]:
    ours = {source_file(repository).path for repository in manifest.repositories}
    for source in dict.fromkeys(observed.apt_sources):
        for prefix, reason in manifest.foreign_sources.items():
            if source.uri.startswith(prefix) and source.path not in ours:
                yield Difference(
                    Kind.FOREIGN_SOURCE,
                    f"{source.path} {source.uri}",
                    "in use",
                    f"disabled: {reason}",
                    source,
                )


def _file(file: File, observed: Observed) -> Iterator[Difference]:
    kind = Kind.EARLY_FILE if file.phase == "before-packages" else Kind.LATE_FILE
    found = observed.files.get(file.path)
    if found is None:
        yield Difference(kind, file.path, NOT_THERE, f"{len(file.content.encode())} bytes", file)
        return
    wrong = _wrong_with(file, found)
    if wrong:
        yield Difference(kind, file.path, wrong, "as in the manifest", file)


def _wrong_with(file: File, found: FoundFile) -> str | None:
    if found.sha256 != hashlib.sha256(file.content.encode()).hexdigest():
        return "other content"
    if (found.mode, found.owner) != (file.mode, "root:root"):
        return f"mode {found.mode} {found.owner}"
    return None


def _settings(wanted: JsonSettings, observed: Observed) -> Iterator[Difference]:
    found = json.loads(observed.daemon_json) if observed.daemon_json else {}
    for key, found_value, wanted_value in _unlike(wanted.settings, found):
        yield Difference(Kind.SETTINGS, f"{wanted.path} {key}", found_value, wanted_value, wanted)


def _unlike(wanted: Mapping[str, Any], found: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    for key, value in wanted.items():
        here = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(value, Mapping):
            yield from _unlike(value, here, f"{path}{key}.")
        elif here != value:
            yield path + key, NOT_THERE if here is None else json.dumps(here), json.dumps(value)


def _packages(manifest: Manifest, observed: Observed) -> Iterator[Difference]:
    for name, found in sorted(observed.packages.items()):
        if not found.intact:
            yield Difference(Kind.BROKEN_PACKAGE, name, "half installed", "installed")
    channel = recorded_channel(observed.record)
    for package in manifest.packages:
        found_version = _unsuitable_version(package, observed)
        if found_version is not None:
            yield Difference(Kind.PACKAGE, package.name, found_version, _version_words(package), package)
        elif package.channel and channel and package.channel != channel:
            there = f"{observed.packages[package.name].version} of {channel}"
            yield Difference(Kind.PACKAGE, package.name, there, f"of {package.channel}", package)
    unwanted = _any_of(manifest.absent_packages)
    for name, found in sorted(observed.packages.items()):
        if unwanted.fullmatch(name):
            yield Difference(Kind.ABSENT_PACKAGE, name, found.version, "absent")


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all shell patterns: a host has thousands of packages."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)")


def recorded_channel(record: str | None) -> str | None:
    """The Intel channel of the run that was last finished: dpkg does not say where a package came from.

    The record is written after the packages, so a run that was cut off before leaves the old one.
    """
    try:
        host = json.loads(record or "{}")
        drivers = [each for each in (host, host.get("beside") or {}) if each.get("vendor") == "intel"]
        return next((str(each["driver"]["branch"]) for each in drivers), None)
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _unsuitable_version(package: Package, observed: Observed) -> str | None:
    found = observed.packages.get(package.name)
    if found is None:
        return NOT_THERE
    too_old = package.minimum and NativeVersion(found.version) < NativeVersion(package.minimum)
    too_new = package.below and NativeVersion(found.version) >= NativeVersion(package.below)
    if too_old or too_new or (package.version and found.version != package.version):
        return found.version + (" (held)" if found.held else "")
    return None


def _version_words(package: Package) -> str:
    if package.version:
        return package.version
    bounds = (package.minimum and f"{package.minimum} or newer", package.below and f"below {package.below}")
    return ", ".join(filter(None, bounds)) or "installed"


def _membership(wanted: Membership, observed: Observed) -> Iterator[Difference]:
    for name in wanted.groups:
        group = observed.groups.get(name)
        if group is None or wanted.user not in group.members:
            yield Difference(Kind.MEMBERSHIP, f"{wanted.user} in {name}", "no", "yes", (wanted.user, name))


def _kernel(wanted: WantedKernel, observed: Observed) -> Iterator[Difference]:
    if is_older(observed.kernel, wanted.series):
        wish = f"{wanted.series} or later, from {wanted.package}"
        yield Difference(Kind.REBOOT, "kernel", f"{observed.kernel} runs", wish, wanted)


def _module(wanted: LoadedModule, observed: Observed) -> Iterator[Difference]:
    found = observed.modules.get(wanted.name, KernelModule(wanted.name))
    holders = [name for name in wanted.displaces if observed.modules.get(name, KernelModule(name)).loaded]
    packaged = all(name in observed.packages for name in wanted.provided_by)
    on_disk = (packaged and found.disk_version) or "the packaged module"
    if holders:
        yield Difference(Kind.REBOOT, wanted.name, f"{', '.join(holders)} holds the device", on_disk, wanted)
    elif found.loaded and not (packaged and _runs_what_is_on_disk(found)):
        running = f"{found.loaded_version or 'the in-tree one'} runs"
        yield Difference(Kind.REBOOT, wanted.name, running, on_disk, wanted)
    elif not found.loaded and packaged and not (found.disk_version or found.disk_srcversion):
        missing = f"not on disk for kernel {observed.kernel}"
        yield Difference(Kind.REBOOT, wanted.name, missing, "the kernel it was installed for", wanted)
    elif not found.loaded:
        yield Difference(Kind.MODULE, wanted.name, "not loaded", on_disk, wanted)
    elif wanted.license and found.disk_license != wanted.license:
        yield Difference(Kind.MODULE, wanted.name, f"license {found.disk_license}", wanted.license, wanted)


def _runs_what_is_on_disk(found: KernelModule) -> bool:
    return (found.loaded_version, found.loaded_srcversion) == (found.disk_version, found.disk_srcversion)


def _unit(wanted: Unit, observed: Observed) -> Iterator[Difference]:
    found = observed.units.get(wanted.name)
    if found is None or not found.loaded:
        yield Difference(Kind.UNIT, wanted.name, NOT_THERE, "enabled and running", wanted)
        return
    newer = [path for path in wanted.configured_by if _newer(observed.files.get(path), found.active_since)]
    if wanted.makes and wanted.makes not in observed.files:
        yield Difference(Kind.UNIT, wanted.name, f"{wanted.makes} not there", "started", wanted)
    elif not wanted.oneshot and found.active != "active":
        yield Difference(Kind.UNIT, wanted.name, found.active, "running", wanted)
    elif not wanted.oneshot and found.enabled not in ENABLED:
        yield Difference(Kind.UNIT, wanted.name, found.enabled or "not enabled", "enabled", wanted)
    elif newer:
        yield Difference(Kind.UNIT, wanted.name, f"older than {', '.join(newer)}", "started anew", wanted)


def _newer(file: FoundFile | None, moment: float | None) -> bool:
    return file is not None and moment is not None and file.modified > moment


def _image(wanted: Image, observed: Observed) -> Iterator[Difference]:
    named = (wanted.repository, wanted.tag)
    digests = {each.digest for each in observed.images if (each.repository, each.tag) == named}
    if not digests or (wanted.digest and wanted.digest not in digests):
        found = ", ".join(sorted(digest or "no digest" for digest in digests)) or NOT_THERE
        yield Difference(Kind.IMAGE, wanted.reference, found, wanted.digest or "newest of its tag", wanted)


def _container(wanted: Container, observed: Observed) -> Iterator[Difference]:
    wrong = list(_wrong_with_container(wanted, observed))
    if wrong:
        wish = f"healthy, from {wanted.image.by_digest}"
        yield Difference(Kind.CONTAINER, wanted.name, "; ".join(wrong), wish, wanted)


def _wrong_with_container(wanted: Container, observed: Observed) -> Iterator[str]:
    unit, found = observed.units.get(wanted.unit), observed.containers.get(wanted.name)
    if unit is None or not unit.loaded:
        yield NOT_THERE
        return
    for file in wanted.files:
        yield from (f"{file.path}: {each.found}" for each in _file(file, observed))
    if unit.enabled not in ENABLED:
        yield f"{wanted.unit} is {unit.enabled or 'not enabled'}"
    if found is None:
        yield "stopped" if unit.active in ("inactive", "failed") else unit.active
        return
    if (found.state, found.health) != ("running", "healthy"):
        yield found.health if found.state == "running" and found.health else found.state
    if found.image != wanted.image.by_digest:
        yield f"runs {found.image}"
    elif found.configuration != wanted.configuration:
        yield "started with another configuration"
