from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from pysequoia import Cert, Tsk

from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.desired.manifest import Manifest
from xpulab.resolving.target import Image
from xpulab.upstreams.findings import Wanted, check_image, check_key, check_packages
from xpulab.upstreams.web import Unreachable, Web

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)
DIGEST = "sha256:" + "a" * 64
ARCHIVE = AptRepository("ubuntu", "", (), "http://archive.ubuntu.com/ubuntu", "jammy", ("main", "universe"))
TOOLKIT = AptRepository("toolkit", "", (), "https://nvidia.github.io/deb/$(ARCH)", "/")
INDEX = "Package: {name}\nVersion: {version}\n\n"


class Servers(Web):
    """Answers by URL; anything else is a 404."""

    def __init__(self, answers: Mapping[str, httpx.Response]) -> None:
        self.answers = answers

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.answers.get(url, httpx.Response(404))

    head = get


class Down(Servers):
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        raise Unreachable(f"{url}: timed out")

    head = get


def index(*packages: tuple[str, str]) -> httpx.Response:
    text = "".join(INDEX.format(name=name, version=version) for name, version in packages)
    return httpx.Response(200, content=gzip.compress(text.encode()))


@pytest.fixture(scope="module")
def key() -> Cert:
    return Tsk.generate("vendor@example.org").extract_certificate()


def repository(fingerprint: str) -> AptRepository:
    return AptRepository("docker", "https://vendor.org/key", (fingerprint,), "https://vendor.org", "jammy")


def test_a_published_key_that_is_pinned_is_sound_until_shortly_before_it_expires(key: Cert) -> None:
    servers = Servers({"https://vendor.org/key": httpx.Response(200, content=bytes(key))})
    pinned = repository(key.fingerprint.upper())
    assert not check_key(pinned, servers, NOW).rotten
    if key.expiration:
        assert check_key(pinned, servers, key.expiration - timedelta(days=3)).rotten


def test_a_key_that_was_replaced_or_withdrawn_is_rotten(key: Cert) -> None:
    servers = Servers({"https://vendor.org/key": httpx.Response(200, content=bytes(key))})
    assert key.fingerprint.upper() in check_key(repository("A" * 40), servers, NOW).detail
    assert "HTTP 404" in check_key(repository("A" * 40), Servers({}), NOW).detail


def findings(servers: Servers, *packages: Package) -> dict[str, tuple[bool, str]]:
    manifest = Manifest(
        (
            TOOLKIT,
            *packages,
        )
    )
    wanted = [Wanted("an NVIDIA host", manifest, (ARCHIVE,))]
    return {each.name: (each.rotten, each.detail) for each in check_packages(wanted, servers)}


def test_every_package_needs_a_candidate_of_the_version_asked_for() -> None:
    main = "http://archive.ubuntu.com/ubuntu/dists/jammy/main/binary-amd64/Packages.gz"
    universe = "http://archive.ubuntu.com/ubuntu/dists/jammy/universe/binary-amd64/Packages.gz"
    toolkit = "https://nvidia.github.io/deb/amd64/Packages.gz"
    servers = Servers(
        {
            main: index(("nvidia-utils-580-server", "580.95.05-0ubuntu0.22.04.1")),
            universe: index(("docker.io", "28.2.2-0ubuntu1~22.04.1")),
            toolkit: index(
                ("nvidia-container-toolkit", "1.20.0-1"), ("nvidia-container-toolkit", "1.21.0-1")
            ),
        }
    )
    found = findings(
        servers,
        Package("docker.io"),
        Package("nvidia-container-toolkit", version="1.20.0-1"),
        Package("nvidia-utils-580-server", minimum="580.159.03"),
        Package("libze1"),
    )
    assert found["docker.io"] == (False, "28.2.2-0ubuntu1~22.04.1")
    assert found["nvidia-container-toolkit"] == (False, "1.20.0-1")
    assert found["nvidia-utils-580-server"] == (
        True,
        "580.159.03 or newer is in no repository of an NVIDIA host",
    )
    assert found["libze1"] == (True, "any version is in no repository of an NVIDIA host")


def test_a_repository_that_is_gone_is_named_and_its_packages_are_rotten() -> None:
    found = findings(Servers({}), Package("docker.io"))
    assert "HTTP 404" in found["toolkit /"][1]
    assert found["docker.io"][0]


def manifest(wanted: str, digest: str) -> dict[str, httpx.Response]:
    url = f"https://registry-1.docker.io/v2/pytorch/pytorch/manifests/{wanted}"
    return {url: httpx.Response(200, headers={"docker-content-digest": digest})}


def test_an_image_is_sound_when_its_tag_still_is_the_pinned_digest() -> None:
    image = Image("pytorch/pytorch:2.14.1", DIGEST, 20)
    assert not check_image(image, Servers({**manifest("2.14.1", DIGEST), **manifest(DIGEST, DIGEST)})).rotten
    moved = "sha256:" + "b" * 64
    assert check_image(image, Servers({**manifest("2.14.1", moved), **manifest(DIGEST, DIGEST)})).rotten
    assert check_image(image, Servers({})).detail == "2.14.1: HTTP 404"


def test_an_unpinned_image_is_reported_with_the_digest_to_pin() -> None:
    found = check_image(Image("pytorch/pytorch:2.14.1", None, 20), Servers(manifest("2.14.1", DIGEST)))
    assert (found.rotten, found.detail) == (False, DIGEST)


def test_an_unreachable_server_is_a_finding_and_no_crash() -> None:
    assert check_image(Image("pytorch/pytorch:2.14.1", None, 20), Down({})).rotten
    assert check_key(repository("A" * 40), Down({}), NOW).rotten
