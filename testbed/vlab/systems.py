"""Make the Debian systems of systems.yml, and fetch what the distribution's archive has to serve."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from vlab.command import TestbedError, run
from vlab.places import CACHE, SOURCES
from vlab.steps import digest, once, say

SYSTEMS_FILE = SOURCES / "systems.yml"
MIRROR = os.environ.get("XPULAB_DEBIAN_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
UNUSED = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"]


def description() -> dict[str, Any]:
    """Read systems.yml."""
    loaded: dict[str, Any] = yaml.safe_load(SYSTEMS_FILE.read_text())
    return loaded


def tarball(system: str) -> Path:
    """Return where the system's file tree lies once it is made."""
    return CACHE / f"{system}.tar"


def make_systems() -> None:
    """Make every system that changed or is missing, two at a time."""
    about = description()
    with ThreadPoolExecutor(2) as pool:
        for made in [pool.submit(_make_system, name, about) for name in about["systems"]]:
            made.result()


def _make_system(name: str, about: dict[str, Any]) -> None:
    system = about["systems"][name]
    fingerprint = digest(
        yaml.safe_dump([about["suite"], about["newer_suite"], about["epoch"], system, UNUSED])
    )
    what = f"Debian system for {name}"
    once(f"system-{name}", what, fingerprint, lambda: _mmdebstrap(name, about), result=tarball(name))


def _mmdebstrap(name: str, about: dict[str, Any]) -> None:
    system = about["systems"][name]
    CACHE.mkdir(parents=True, exist_ok=True)
    half = CACHE / f"{name}.half.tar"
    hooks = []
    if system.get("newer"):
        install = f"apt-get install -y -t {about['newer_suite']} {' '.join(system['newer'])}"
        hooks = [f'--customize-hook=chroot "$1" {install}']
    run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(system['include'])}",
            *(f"--dpkgopt=path-exclude={path}" for path in UNUSED),
            "--dpkgopt=path-include=/usr/share/doc/*/copyright",
            f"--setup-hook=printf '%s' '{_pin(about)}' > \"$1\"/etc/apt/preferences",
            *hooks,
            '--customize-hook=rm -f "$1"/etc/apt/preferences',
            about["suite"],
            half,
            *_sources(about),
        ],
        env={"SOURCE_DATE_EPOCH": str(about["epoch"])},
    )
    half.replace(tarball(name))


def _sources(about: dict[str, Any]) -> list[str]:
    return [f"deb [signed-by={KEYRING}] {MIRROR} {about[suite]} main" for suite in ("suite", "newer_suite")]


def _pin(about: dict[str, Any]) -> str:
    return f"Package: *\nPin: release n={about['newer_suite']}\nPin-Priority: 100\n"


def archives() -> dict[str, dict[str, Any]]:
    """Return the `archives` of systems.yml: what they serve of the real distribution."""
    served: dict[str, dict[str, Any]] = description()["archives"]
    return served


def fetch_archives(target: Path) -> None:
    """Fetch the debs that installing each of systems.yml's `archives` on a fresh host would take."""
    about = description()
    for name, archive in archives().items():
        wanted = digest(yaml.safe_dump([about["systems"], archive, about["suite"]]), MIRROR)
        what = f"Debian packages for the lab's archive {name}"
        fetch = partial(_fetch, about, archive, target / name)
        once(f"archive-{name}", what, wanted, fetch, result=target / name)


def _fetch(about: dict[str, Any], archive: dict[str, Any], target: Path) -> None:
    apt = CACHE / "apt"
    for folder in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "etc/sources.list").write_text("\n".join(_sources(about)) + "\n")
    (apt / "etc/preferences").write_text(_pin(about))
    with tarfile.open(tarball("host")) as host:
        status = host.extractfile("./var/lib/dpkg/status")
        if status is None:
            raise TestbedError(f"{tarball('host')} holds no dpkg status; remove it and build again")
        (apt / "status").write_bytes(status.read())
    (apt / "apt.conf").write_text(
        f'Dir "{apt}/"; Dir::Etc "etc/"; Dir::State "state/"; Dir::Cache "cache/";\n'
        'Dir::Etc::parts "apt.conf.d";\n'
        f'Dir::State::status "{apt}/status"; Debug::NoLocking "true"; APT::Install-Recommends "false";\n'
        'Acquire::Languages "none"; APT::Sandbox::User "";\n'
        'APT::Architecture "amd64"; APT::Architectures {"amd64";};\n'
        'Binary::apt-get::APT::Keep-Downloaded-Packages "true";\n'
    )
    env = {"APT_CONFIG": str(apt / "apt.conf")}
    run(["apt-get", "update"], env=env)
    newer = [f"{name}/{about['newer_suite']}" for name in archive.get("newer", [])]
    names = [*archive["include"], *newer]
    for stale in (apt / "cache/archives").glob("*.deb"):
        stale.unlink()
    say(f"asking {MIRROR} for {len(names)} packages and what they depend on")
    run(["apt-get", "install", "--reinstall", "--download-only", "-y", *names], env=env)
    target.mkdir(parents=True, exist_ok=True)
    for stale in target.glob("*.deb"):
        stale.unlink()
    for deb in (apt / "cache/archives").glob("*.deb"):
        # A server may decode %3a, the colon of a version's epoch, and look for a file that is not there.
        shutil.copyfile(deb, target / re.sub(r"_\d+%3a", "_", deb.name))
