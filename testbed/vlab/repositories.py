"""Index and sign the apt repositories of repositories.yml."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vlab.command import run
from vlab.identities import make_signing_key, sign
from vlab.places import KEYS, SOURCES, WWW

REPOSITORIES_FILE = SOURCES / "repositories.yml"


@dataclass(frozen=True)
class Repository:
    """One vendor's apt repository."""

    name: str
    at: str
    release: dict[str, str]
    key: str = ""
    key_of: str = ""
    mirrors: list[str] = field(default_factory=list)
    suites: dict[str, list[str]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the host name the vendor serves it under."""
        return self.at.split("/", 1)[0]

    @property
    def signer(self) -> str:
        """Return the vendor whose key signs it: its own, or the one it shares with another."""
        return self.key_of or self.name

    @property
    def key_at(self) -> str:
        """Return host name and path of its public key, empty when hosts have it from the start."""
        return f"{self.host}{self.key}" if self.key.startswith("/") else self.key

    @property
    def root(self) -> Path:
        """Return the folder that upstream serves it from."""
        return WWW / self.at


def load_repositories() -> dict[str, Repository]:
    """Read repositories.yml."""
    raw: dict[str, Any] = yaml.safe_load(REPOSITORIES_FILE.read_text())
    return {name: Repository(name=name, **about) for name, about in raw.items()}


def pool(repository: str, suite: str, component: str) -> Path:
    """Return where the debs of one suite's component lie."""
    known = load_repositories()[repository]
    return known.root / "pool" / suite.replace("/", "-") / component if known.suites else known.root


def host_names(repositories: dict[str, Repository]) -> list[str]:
    """Return every host name that the repositories answer under."""
    names: dict[str, None] = {}
    for repository in repositories.values():
        key_host = repository.key_at.split("/", 1)[0] or repository.host
        names.update(dict.fromkeys([repository.host, *repository.mirrors, key_host]))
    return list(names)


def publish(repository: Repository) -> None:
    """Write the repository's indexes, sign them, and lay its key where the vendor keeps it."""
    make_signing_key(repository.signer)
    for suite, components in repository.suites.items():
        for component in components:
            folder = pool(repository.name, suite, component)
            folder.mkdir(parents=True, exist_ok=True)
            place = repository.root / "dists" / suite / component
            _packages(repository.root, folder, place / "binary-amd64")
            _contents(repository.root, folder, place)
        named = {"Suite": suite, "Codename": suite, "Components": " ".join(components)}
        _release(repository.root / "dists" / suite, {**repository.release, **named}, repository.signer)
    if not repository.suites:
        _packages(repository.root, repository.root, repository.root)
        _release(repository.root, repository.release, repository.signer)
    if repository.key_at:
        # A question mark in the vendor's URL begins what a file name does not hold.
        key = WWW / repository.key_at.split("?", 1)[0]
        key.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(KEYS / f"{repository.signer}.asc", key)
    for mirror in repository.mirrors:
        link = WWW / mirror
        link.unlink(missing_ok=True)
        link.symlink_to(repository.host)


def _packages(root: Path, folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    index = run(["apt-ftparchive", "packages", folder.relative_to(root)], cwd=root)
    (target / "Packages").write_text(index)
    run(["gzip", "-9nkf", target / "Packages"])


def _contents(root: Path, folder: Path, target: Path) -> None:
    """Write which files the packages hold, as Debian's archive does, but in one list with those for `all`."""
    contents = run(["apt-ftparchive", "contents", folder.relative_to(root)], cwd=root)
    (target / "Contents-amd64").write_text(contents)
    run(["gzip", "-9nf", target / "Contents-amd64"])


def _release(folder: Path, fields: dict[str, str], vendor: str) -> None:
    for stale in ("Release", "InRelease", "Release.gpg"):
        (folder / stale).unlink(missing_ok=True)
    wanted = {**fields, "Architectures": "amd64"}
    options = [f"-oAPT::FTPArchive::Release::{key}={value}" for key, value in wanted.items()]
    release = run(["apt-ftparchive", *options, "release", folder])
    (folder / "Release").write_text(release)
    sign(folder / "Release", vendor)
