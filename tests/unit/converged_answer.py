"""A probe's answer made from a manifest: what a host says that is exactly as wanted."""

from __future__ import annotations

import hashlib
import json

from tests.unit.probe_answers import answer
from tests.unit.sample_hosts import manifest_of
from xpulab.desired.kinds.apt_repository import AptRepository, seal
from xpulab.desired.kinds.driven_device import DrivenDevice
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.kernel import LoadedModule
from xpulab.desired.kinds.kernel_headers import KernelHeaders
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.inventory.settings import HostSettings
from xpulab.probing.records import parse


def converged_answer(pci: tuple[str, ...], kernel: str, settings: HostSettings) -> list[str]:
    """The answer of a host with that hardware after a run."""
    manifest = manifest_of(parse(answer(pci=pci, kernel=kernel)), settings)
    versions = {each.name: each.version or f"{each.minimum or '1'}-1" for each in manifest.of(Package)}
    versions |= {each.package: "1" for each in manifest.of(KernelHeaders)}
    daemon_json = {key: value for each in manifest.of(JsonSettings) for key, value in each.settings.items()}
    return answer(
        *_records(manifest),
        *_displays(pci, manifest),
        pci=pci,
        kernel=kernel,
        packages=versions,
        daemon_json=json.dumps(daemon_json) if daemon_json else None,
    )


def _displays(pci: tuple[str, ...], manifest: Manifest) -> list[str]:
    """What the kernel makes of each accelerator once its driver holds it."""
    drivers = {each.address: each.drivers[0] for each in manifest.of(DrivenDevice)}
    addresses = [function.split("\t")[0] for function in pci]
    shown = [f"display\t{each}\t\t\t{drivers[each]}\tyes\tyes\tno\t" for each in addresses if each in drivers]
    in_tree = {each.drivers[0] for each in manifest.of(DrivenDevice) if each.loads}
    return [*shown, *(f"module\t{name}\tyes\t\tA\t\tA\tGPL" for name in sorted(in_tree))]


def _records(manifest: Manifest) -> list[str]:
    files = [*manifest.of(File), *(each.source for each in manifest.of(AptRepository))]
    records = [
        f"file\t{file.path}\t{hashlib.sha256(file.content.encode()).hexdigest()}\t{file.mode}\troot:root\t1.5\t9"
        for file in files
    ]
    keyrings = [each.keyring for each in manifest.of(AptRepository)]
    made = [*keyrings, *(seal(each, "0" * 64) for each in keyrings)]
    made += [unit.makes for unit in manifest.of(Unit) if unit.makes]
    records += [f"file\t{path}\t{'0' * 64}\t0644\troot:root\t1.5\t9" for path in made]
    since = "Tue 2026-11-24 12:05:00.000000 UTC"
    records += [f"unit\t{unit.name}\tloaded\tactive\tenabled\t{since}" for unit in manifest.of(Unit)]
    for each in manifest.of(LoadedModule):
        version = _version_of(each, manifest)
        license_ = each.license or "GPL"
        records.append(f"module\t{each.name}\tyes\t{version}\tA\t{version}\tA\t{license_}")
    for package in manifest.of(Package):
        if origin := package.origin:
            source = origin.repository
            suite = f"{source.suite}/{source.components[0]}"
            records.append(f"origin\t{package.name}\t{source.uri}\t{suite}")
    groups = sorted({name for each in manifest.of(Membership) for name in each.groups})
    users = ",".join(each.user for each in manifest.of(Membership))
    records += [f"group\t{name}\t{200 + number}\t{users}" for number, name in enumerate(groups)]
    for image in (each.image for each in manifest.of(PulledImage)):
        repository, _, tag = image.reference.rpartition(":")
        records.append(f"image\t{repository}\t{tag}\t{image.digest or 'sha256:' + '0' * 64}")
    return records


def _version_of(module: LoadedModule, manifest: Manifest) -> str:
    """The version of the package that has the module's."""
    return next((each.minimum or "1" for each in manifest.of(Package) if each.name == module.version_of), "1")
