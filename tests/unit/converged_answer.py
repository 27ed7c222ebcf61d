"""A probe's answer made from a manifest: what a host says that is exactly as wanted."""

from __future__ import annotations

import hashlib
import json

from tests.unit.probe_answers import answer
from xpulab.desired.apt import keyring_path, source_file
from xpulab.desired.manifest import Manifest
from xpulab.inventory.settings import HostSettings
from xpulab.probing.records import parse
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import desired


def converged_answer(pci: tuple[str, ...], kernel: str, settings: HostSettings) -> list[str]:
    """The answer of a host with that hardware after a run."""
    target = resolve(parse(answer(pci=pci, kernel=kernel)), settings, load_catalog())
    assert isinstance(target, Target), target
    manifest = desired(target, settings, load_catalog())
    versions = {each.name: each.version or f"{each.minimum or '1'}-1" for each in manifest.packages}
    daemon_json = {key: value for each in manifest.json_settings for key, value in each.settings.items()}
    return answer(
        *_records(manifest),
        pci=pci,
        kernel=kernel,
        packages=versions,
        daemon_json=json.dumps(daemon_json) if daemon_json else None,
    )


def _records(manifest: Manifest) -> list[str]:
    files = [*manifest.files, *(source_file(each) for each in manifest.repositories)]
    records = [
        f"file\t{file.path}\t{hashlib.sha256(file.content.encode()).hexdigest()}\t{file.mode}\troot:root\t1.5\t9"
        for file in files
    ]
    made = [keyring_path(each) for each in manifest.repositories]
    made += [unit.makes for unit in manifest.units if unit.makes]
    records += [f"file\t{path}\t{'0' * 64}\t0644\troot:root\t1.5\t9" for path in made]
    since = "Tue 2026-11-24 12:05:00.000000 UTC"
    records += [f"unit\t{unit.name}\tloaded\tactive\tenabled\t{since}" for unit in manifest.units]
    records += [f"module\t{each.name}\tyes\t1\tA\t1\tA\t{each.license or 'GPL'}" for each in manifest.modules]
    groups = sorted({name for each in manifest.memberships for name in each.groups})
    users = ",".join(each.user for each in manifest.memberships)
    records += [f"group\t{name}\t{200 + number}\t{users}" for number, name in enumerate(groups)]
    for image in manifest.images:
        repository, _, tag = image.reference.rpartition(":")
        records.append(f"image\t{repository}\t{tag}\t{image.digest or 'sha256:' + '0' * 64}")
    return records
