"""A host that does as it is told: what apt, the kernel and systemd make of a run's steps, as a look sees it.

It follows what was seen of them: a package that is named for a kernel's flavour brings the newest kernel
of that flavour, the newest kernel on disk boots, modules load for what they know, DKMS builds where headers
are, and the archive no longer has the headers of an aged kernel.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from debian.debian_support import NativeVersion

from xpulab.catalog.models import Catalog
from xpulab.catalog.systems import OperatingSystem
from xpulab.desired.kinds.apt_repository import AptRepository, seal
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Boot, Difference, FetchKey, InApt
from xpulab.probing.observed import (
    FoundFile,
    FoundImage,
    FoundUnit,
    InstalledPackage,
    KernelModule,
    Observed,
    PciFunction,
)
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.kernels import UNAME
from xpulab.resolving.nvidia.gpus import classify as classify_nvidia
from xpulab.resolving.target import Accelerator

AGED = "-7-"
BRANCH = re.compile(r"(?:nvidia-open|cuda-drivers|linux-modules-nvidia|nvidia-utils)-?(\d{3})?")


@dataclass(frozen=True)
class Host:
    """A host: what a look at it sees, and the catalog that the world around it follows."""

    seen: Observed
    catalog: Catalog

    @property
    def system(self) -> OperatingSystem:
        return self.catalog.operating_systems[self.seen.os]

    def after(self, steps: Iterable[Difference], manifest: Manifest) -> Host:
        """The host after one pass: software first, else the boot, else modules, services and images."""
        drift = list(steps)
        software = [each for each in drift if isinstance(each.mend, InApt | FetchKey) or _is_file(each)]
        if software:
            return self._with_software(software, manifest)
        if any(isinstance(each.mend, Boot) for each in drift):
            return self.booted()
        return self._started(drift, manifest)

    def booted(self) -> Host:
        """The newest kernel on disk runs, and loads the module of every device that it drives."""
        seen = replace(self.seen, kernel=self._newest_kernel(), boot_id=self.seen.boot_id + "'")
        fresh = replace(self, seen=replace(seen, modules={}, pci=tuple(map(_unbound, seen.pci))))
        return fresh._with_modules_on_disk()._loaded({"nouveau", "i915", "xe", "nvidia"})

    def installed(self, *names: str) -> Host:
        """What `apt-get install` of these names brings."""
        host = self
        for name in names:
            bare, _, version = name.partition("=")
            host = host._installed(bare, version)
        return host._with_modules_on_disk()

    def removed(self, *names: str) -> Host:
        """What `apt-get remove` of these names leaves."""
        there = {name: each for name, each in self.seen.packages.items() if name not in names}
        return replace(self, seen=replace(self.seen, packages=there))._with_modules_on_disk()

    def _installed(self, name: str, version: str) -> Host:
        packages = {**self.seen.packages, name: InstalledPackage(version or "1-1")}
        for kernel in self.system.kernels:
            flavoured = name.startswith("linux-") and name.endswith(f"-{kernel.flavour}")
            if flavoured and not kernel.superseded and not UNAME.search(name):
                # Whoever runs a kernel from there has that source.
                owners = self.seen.kernel.startswith(kernel.series)
                if kernel.repository and not owners and not self._chooses(kernel.repository):
                    continue
                uname = newest_of(kernel.series, kernel.suffix)
                packages[f"linux-image-{uname}"] = InstalledPackage(f"{kernel.series}.0")
                if "headers" in name:
                    packages[f"linux-headers-{uname}"] = InstalledPackage(f"{kernel.series}.0")
        return replace(self, seen=replace(self.seen, packages=packages))

    def _chooses(self, repository: str) -> bool:
        return f"/etc/apt/sources.list.d/xpulab-{repository}.sources" in self.seen.files

    def _with_software(self, drift: list[Difference], manifest: Manifest) -> Host:
        files = dict(self.seen.files)
        contents = dict(self.seen.contents)
        for each in [*manifest.of(File), *(source.source for source in manifest.of(AptRepository))]:
            if any(
                difference.name in (each.path, each.path.split("xpulab-")[-1][:-8]) for difference in drift
            ):
                files[each.path] = _found(each)
                contents[each.path] = each.content
        for source in manifest.of(AptRepository):
            files.setdefault(source.source.path, _found(source.source))
            for path in (source.keyring, seal(source.keyring, "0" * 64)):
                files[path] = FoundFile("0" * 64, "0644", "root:root", 0, 1)
        for settings in manifest.of(JsonSettings):
            contents[settings.path] = json.dumps(dict(settings.settings))
            files[settings.path] = FoundFile("0" * 64, "0644", "root:root", 0, 1)
        gone = [each.name for each in drift if each.kind in ("unwanted file", "unwanted apt source")]
        files = {path: each for path, each in files.items() if path not in gone}
        host = replace(self, seen=replace(self.seen, files=files, contents=contents))
        apt = [each.mend for each in drift if isinstance(each.mend, InApt)]
        host = host.removed(*(each.remove for each in apt if each.remove))
        for change in apt:
            if change.install and not (change.otherwise and AGED in change.install):
                host = host.installed(_as_offered(change.install, manifest))
            else:
                host = host.installed(*change.otherwise)
        origins = {
            each.name: ((each.origin.repository.uri, _suite(each.origin.repository)),)
            for each in manifest.of(Package)
            if each.origin and each.name in host.seen.packages
        }
        return replace(host, seen=replace(host.seen, origins=origins))

    def _started(self, drift: list[Difference], manifest: Manifest) -> Host:
        loads = {
            line.split()[1]
            for each in drift
            for line in getattr(each.mend, "lines", ())
            if line.startswith("modprobe ")
        }
        host = self._loaded(loads)
        files, units = dict(host.seen.files), dict(host.seen.units)
        for unit in manifest.of(Unit):
            units[unit.name] = FoundUnit(True, "active", "enabled", 10.0)
            if unit.makes:
                files[unit.makes] = FoundFile("0" * 64, "0644", "root:root", 0, 1)
        images = tuple(
            FoundImage(each.image.repository, each.image.tag, each.image.digest or "sha256:" + "0" * 64)
            for each in manifest.of(PulledImage)
        )
        return replace(host, seen=replace(host.seen, files=files, units=units, images=images))

    def _newest_kernel(self) -> str:
        there = [
            name.removeprefix("linux-image-")
            for name in self.seen.packages
            if name.startswith("linux-image-") and UNAME.fullmatch(name.removeprefix("linux-image-"))
        ]
        return max([*there, self.seen.kernel], key=NativeVersion)

    def _with_modules_on_disk(self) -> Host:
        """The modules that modprobe would find for the running kernel."""
        seen = self.seen
        on_disk = dict.fromkeys(("nouveau", "i915", "xe"), ("", "IN-TREE", "GPL"))
        cloud = seen.kernel.endswith(("-aws", "-azure", "-gcp", "-oracle", "-ibm"))
        if cloud and f"linux-modules-extra-{seen.kernel}" not in seen.packages:
            on_disk = {}
        nvidia = [name for name in seen.packages if BRANCH.match(name) and "utils" not in name]
        for name in nvidia:
            dkms = not name.startswith("linux-modules-nvidia")
            flavour = UNAME.fullmatch(seen.kernel)
            current = flavour and (
                f"linux-headers-{seen.kernel}" in seen.packages
                if dkms
                else seen.kernel == self._newest_kernel()
            )
            if current:
                licence = "Dual MIT/GPL" if "open" in name else "NVIDIA"
                version = self._driver_version(name)
                on_disk["nvidia"] = (version, "PACKAGED", licence)
        if "intel-i915-dkms" in seen.packages and f"linux-headers-{seen.kernel}" in seen.packages:
            on_disk["i915"] = ("1.23", "DKMS", "GPL")
        modules = {}
        for name in {*on_disk, *seen.modules}:
            was = seen.modules.get(name, KernelModule(name))
            version, build, licence = on_disk.get(name, ("", "", ""))
            modules[name] = replace(
                was, disk_version=version or None, disk_srcversion=build or None, disk_license=licence or None
            )
        return replace(self, seen=replace(seen, modules=modules))

    def _driver_version(self, name: str) -> str:
        """The driver's version that a package brings the module of: the signed ones carry the kernel's."""
        if name.startswith("linux-modules-nvidia"):
            branch = re.findall(r"\d{3}", name)[0]
            name = f"nvidia-utils-{branch}-server"
        return self.seen.packages.get(name, InstalledPackage("0")).version.partition("-")[0]

    def _loaded(self, names: set[str]) -> Host:
        blocked = any("nouveau" in path for path in self.seen.files)
        modules = dict(self.seen.modules)
        pci = list(self.seen.pci)
        for name in sorted(names, key=lambda each: each != "nvidia" if blocked else each != "nouveau"):
            module = modules.get(name)
            if module is None or not (module.disk_version or module.disk_srcversion):
                continue
            if name == "nouveau" and blocked:
                continue
            mine = [number for number, each in enumerate(pci) if not each.driver and self._drives(name, each)]
            if not mine and not module.loaded:
                continue
            modules[name] = replace(
                module,
                loaded=True,
                loaded_version=module.disk_version,
                loaded_srcversion=module.disk_srcversion,
            )
            for number in mine:
                pci[number] = replace(pci[number], driver=name, render_node=name != "nvidia")
        return replace(self, seen=replace(self.seen, modules=modules, pci=tuple(pci)))

    def _drives(self, module: str, function: PciFunction) -> bool:
        if module in ("nvidia", "nouveau"):
            return function.vendor == "10de" and isinstance(
                classify_nvidia(function, self.catalog), Accelerator
            )
        facts = self.catalog.of(IntelFacts)
        found = facts.by_device.get(function.device)
        if function.vendor != "8086" or found is None:
            return False
        family = facts.devices[found[0]]
        needed = family.kernel_for(function.device)
        dkms = self.seen.modules[module].disk_srcversion == "DKMS"
        if family.driver != module:
            return False
        if found[0] in ("max", "flex"):
            return dkms
        series = UNAME.fullmatch(self.seen.kernel)
        return series is not None and NativeVersion(series["series"]) >= NativeVersion(needed or "0")


def _as_offered(install: str, manifest: Manifest) -> str:
    """What is asked of apt, with the version that the sources have: the oldest that is wanted."""
    wanted = next((each for each in manifest.of(Package) if each.name == install), None)
    return f"{install}={wanted.minimum}-0ubuntu1" if wanted and wanted.minimum else install


def aged(series: str, suffix: str) -> str:
    """`uname -r` of a kernel that the archive no longer has."""
    return f"{series}.0{AGED}{suffix}"


def newest_of(series: str, suffix: str) -> str:
    """`uname -r` of the newest kernel of a series in the archive."""
    if suffix.endswith("amd64"):
        if series == "6.12":
            return f"6.12.95+deb12-{suffix}"
        return f"{series}.0-56-{suffix}"
    return f"{series}.0-199-{suffix}"


def _is_file(difference: Difference) -> bool:
    return difference.kind in (
        "file",
        "settings",
        "apt source",
        "unwanted file",
        "unwanted apt source",
        "option",
    )


def _unbound(function: PciFunction) -> PciFunction:
    return replace(function, driver=None, render_node=False)


def _found(file: File) -> FoundFile:
    digest = hashlib.sha256(file.content.encode()).hexdigest()
    return FoundFile(digest, file.mode, "root:root", 0, len(file.content))


def _suite(source: AptRepository) -> str:
    return f"{source.suite}/{source.components[0]}"
