"""Whether what the catalog says of vendors' servers still holds: keys, packages, images."""

from __future__ import annotations

import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from debian.deb822 import Packages
from debian.debian_support import NativeVersion
from pysequoia import Cert

from xpulab.desired.apt_keys import KeyRefused, accepted_keys
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.resolving.target import Image
from xpulab.upstreams.web import Unreachable, Web

EXPIRES_SOON = timedelta(days=60)
MANIFEST_TYPES = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
Index = dict[str, list[str]]  # versions by package name


@dataclass(frozen=True)
class Finding:
    """One thing that was looked up; `rotten` when the catalog no longer holds."""

    kind: str
    name: str
    rotten: bool
    detail: str


def check_key(repository: AptRepository, web: Web, now: datetime) -> Finding:
    """Whether the vendor still publishes a pinned key, and for how long it is good."""
    try:
        answer = web.get(repository.key_url)
        if answer.status_code != 200:
            raise Unreachable(f"{repository.key_url}: HTTP {answer.status_code}")
        kept = Cert.split_bytes(accepted_keys(answer.content, repository))
    except (Unreachable, KeyRefused) as error:
        return Finding("apt key", repository.name, True, str(error))
    endings = [certificate.expiration for certificate in kept if certificate.expiration]
    until = min(endings) if endings else None
    rotten = until is not None and until < now + EXPIRES_SOON
    words = f"expires {until:%Y-%m-%d}" if until else "does not expire"
    return Finding("apt key", repository.name, rotten, words)


@dataclass(frozen=True)
class Wanted:
    """The manifest of one kind of host, in words, and the archive of its system."""

    host: str
    manifest: Manifest
    archive: tuple[AptRepository, ...]


def check_packages(wanted: Iterable[Wanted], web: Web) -> Iterator[Finding]:
    """Whether every package of each manifest has a candidate in its repositories or its archive."""
    indexes: dict[AptRepository, Index] = {}
    seen: set[tuple[Package, bool, tuple[AptRepository, ...]]] = set()
    for each in wanted:
        sources = (*each.manifest.of(AptRepository), *each.archive)
        for repository in sources:
            if repository not in indexes:
                indexes[repository] = {}
                try:
                    indexes[repository] = read_index(repository, web)
                except Unreachable as error:
                    yield Finding("apt index", f"{repository.name} {repository.suite}", True, str(error))
        for package in each.manifest.of(Package):
            finding = _package(package, [indexes[source] for source in sources], each.host)
            key = (package, finding.rotten, each.archive)
            if key not in seen:
                seen.add(key)
                yield finding


def _package(package: Package, indexes: Iterable[Index], host: str) -> Finding:
    versions = [version for index in indexes for version in index.get(package.name, [])]
    if package.version:
        versions = [each for each in versions if each == package.version]
    if package.minimum:
        versions = [each for each in versions if NativeVersion(each) >= NativeVersion(package.minimum)]
    if package.below:
        versions = [each for each in versions if NativeVersion(each) < NativeVersion(package.below)]
    if not versions:
        wish = package.version or (f"{package.minimum} or newer" if package.minimum else "any version")
        return Finding("package", package.name, True, f"{wish} is in no repository of {host}")
    return Finding("package", package.name, False, max(versions, key=NativeVersion))


def read_index(repository: AptRepository, web: Web) -> Index:
    """The versions of all packages of one repository. Raises Unreachable."""
    base = repository.uri.replace("$(ARCH)", "amd64").rstrip("/")
    places = [f"{base}/dists/{repository.suite}/{part}/binary-amd64" for part in repository.components]
    index: Index = {}
    for place in places or [base]:
        for paragraph in Packages.iter_paragraphs(_packages_file(place, web), use_apt_pkg=False):
            index.setdefault(paragraph["Package"], []).append(paragraph["Version"])
    return index


def _packages_file(place: str, web: Web) -> str:
    unpack: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress, "": bytes}
    statuses = []
    for suffix, decompress in unpack.items():
        answer = web.get(f"{place}/Packages{suffix}")
        if answer.status_code == 200:
            return decompress(answer.content).decode()
        statuses.append(str(answer.status_code))
    raise Unreachable(f"{place}/Packages: HTTP {', '.join(dict.fromkeys(statuses))}")


def check_image(image: Image, web: Web) -> Finding:
    """Whether the registry has the image under its tag, and under the digest that is pinned."""
    registry, path = image.registry_and_path
    found = ""
    for wanted in filter(None, (image.tag, image.digest)):
        try:
            answer = _manifest(f"https://{registry}/v2/{path}/manifests/{wanted}", path, web)
        except Unreachable as error:
            return Finding("image", image.reference, True, str(error))
        if answer[0] != 200:
            return Finding("image", image.reference, True, f"{wanted}: HTTP {answer[0]}")
        found = found or answer[1]
    if image.digest and found != image.digest:
        return Finding("image", image.reference, True, f"the tag now is {found}, pinned is {image.digest}")
    return Finding("image", image.reference, False, found)


def _manifest(url: str, path: str, web: Web) -> tuple[int, str]:
    headers = {"Accept": MANIFEST_TYPES}
    answer = web.head(url, headers)
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers.get("www-authenticate", "")))
    if answer.status_code == 401 and "realm" in challenge:
        service = challenge.get("service", "")
        token = web.get(f"{challenge['realm']}?service={service}&scope=repository:{path}:pull")
        headers["Authorization"] = f"Bearer {token.json().get('token', '')}"
        answer = web.head(url, headers)
    return answer.status_code, answer.headers.get("docker-content-digest", "")
