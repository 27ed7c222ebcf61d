"""Reading apt repositories: which packages there are, in which versions, and whose a file is."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Collection

from debian.deb822 import Packages

from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.upstreams.web import Gone, NoAnswer, Unreachable, Web, content

Index = dict[str, list[str]]
"""Versions by package name."""
Owners = dict[str, tuple[str, ...]]
"""Packages by the path of a file that they hold, without a leading slash."""
ARCHITECTURE = "amd64"
UNPACK: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress, "": bytes}


class Indexes:
    """The indexes of repositories, each read once."""

    def __init__(self, web: Web) -> None:
        """Read them by this client."""
        self._web = web
        self._read: dict[AptRepository, Index | NoAnswer] = {}

    def of(self, repository: AptRepository) -> Index | NoAnswer:
        """The index of a repository, or why there is none."""
        if repository not in self._read:
            try:
                self._read[repository] = read_index(repository, self._web)
            except NoAnswer as reason:
                self._read[repository] = reason
        return self._read[repository]


def read_index(repository: AptRepository, web: Web) -> Index:
    """The versions of all packages of one repository. Raises Unreachable, NotAsked, Gone."""
    base = _base(repository)
    places = [
        f"{base}/dists/{repository.suite}/{part}/binary-{ARCHITECTURE}" for part in repository.components
    ]
    index: Index = {}
    for place in places or [base]:
        text = _packages_file(place, web)
        for paragraph in Packages.iter_paragraphs(text, use_apt_pkg=False):
            index.setdefault(paragraph["Package"], []).append(paragraph["Version"])
    return index


def read_owners(repository: AptRepository, component: str, paths: Collection[str], web: Web) -> Owners:
    """Which packages of one component hold these files, by the suite's lists of files. Raises as above."""
    place = f"{_base(repository)}/dists/{repository.suite}/{component}"
    listed = []
    for architecture in (ARCHITECTURE, "all"):
        try:
            listed.append(_unpacked(f"{place}/Contents-{architecture}.gz", gzip.decompress, web))
        except Gone:
            continue  # Debian has one for `all` where that says what the other does not
    if not listed:
        raise Gone(f"{place}: no list of files is there")
    return owners("\n".join(listed), paths)


def owners(contents: str, paths: Collection[str]) -> Owners:
    """Which packages hold these files, by the lines of Contents files: path, then `section/package,…`."""
    found: dict[str, list[str]] = {path: [] for path in paths}
    for line in contents.splitlines():
        path, _, packages = line.expandtabs(1).rpartition(" ")
        if (path := path.strip()) in found:
            found[path] += [package.rpartition("/")[2] for package in packages.split(",")]
    return {path: tuple(dict.fromkeys(names)) for path, names in found.items()}


def _base(repository: AptRepository) -> str:
    return repository.uri.replace("$(ARCH)", ARCHITECTURE).rstrip("/")


def _packages_file(place: str, web: Web) -> str:
    for suffix, unpack in UNPACK.items():
        try:
            return _unpacked(f"{place}/Packages{suffix}", unpack, web)
        except Gone:
            continue
    raise Gone(f"{place}/Packages is not there, packed or plain")


def _unpacked(url: str, unpack: Callable[[bytes], bytes], web: Web) -> str:
    packed = content(web, url)
    try:
        return unpack(packed).decode()
    except (lzma.LZMAError, OSError, EOFError, UnicodeDecodeError) as error:
        raise Unreachable(f"{url}: damaged ({error})") from error
