"""What check-upstreams asks of servers, and what it says of keys, packages and images."""

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
from xpulab.upstreams.apt_indexes import Indexes, read_owners
from xpulab.upstreams.check_upstreams import status
from xpulab.upstreams.finding import Finding, State
from xpulab.upstreams.rules import apt_keys, image_digests, packages
from xpulab.upstreams.rules.packages import Wanted
from xpulab.upstreams.web import Gone, NoAnswer, Unreachable, Web

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)
DAYS = 60
DIGEST = "sha256:" + "a" * 64
ARCHIVE = AptRepository("ubuntu", "", (), "http://archive.ubuntu.com/ubuntu", "jammy", ("main", "universe"))
TOOLKIT = AptRepository("toolkit", "", (), "https://nvidia.github.io/deb/$(ARCH)", "/")
INDEX = "Package: {name}\nVersion: {version}\n\n"


class Servers(Web):
    """Answers by URL; anything else is a 404."""

    def __init__(self, answers: Mapping[str, httpx.Response]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        self.asked.append(url)
        return self.answers.get(url, httpx.Response(404))

    head = get


class Down(Servers):
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        raise Unreachable(f"{url}: timed out")

    head = get


def index(*named: tuple[str, str]) -> httpx.Response:
    text = "".join(INDEX.format(name=name, version=version) for name, version in named)
    return httpx.Response(200, content=gzip.compress(text.encode()))


UNTIL = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=400)


@pytest.fixture(scope="module")
def secret() -> Tsk:
    return Tsk.generate("vendor@example.org")


@pytest.fixture(scope="module")
def key(secret: Tsk) -> Cert:
    return secret.extract_certificate().set_expiration(UNTIL, secret.certifier())


def state_of_key(key: Cert, now: datetime = NOW, pinned: str = "") -> tuple[State, str]:
    fingerprint = pinned or key.fingerprint.upper()
    repository = AptRepository(
        "docker", "https://vendor.org/key", (fingerprint,), "https://vendor.org", "jammy"
    )
    found = apt_keys.finding(repository, bytes(key), now, DAYS)
    return found.state, found.detail


def test_a_published_key_that_is_pinned_is_sound_until_shortly_before_it_expires(key: Cert) -> None:
    words = f"{UNTIL:%Y-%m-%d}"
    assert state_of_key(key, UNTIL - timedelta(days=DAYS + 1)) == ("sound", f"expires {words}")
    assert state_of_key(key, UNTIL - timedelta(days=DAYS - 1)) == ("warning", f"expires {words}")
    assert state_of_key(key, UNTIL + timedelta(days=1)) == ("rotten", f"expired {words}")


def test_a_key_without_an_end_is_sound(secret: Tsk) -> None:
    assert state_of_key(secret.extract_certificate()) == ("sound", "does not expire")


def test_a_key_that_was_replaced_is_rotten_and_both_fingerprints_are_named(key: Cert) -> None:
    state, detail = state_of_key(key, pinned="A" * 40)
    assert state == "rotten"
    assert key.fingerprint.upper() in detail
    assert "A" * 40 in detail


def findings(servers: Servers, *wanted: Package) -> dict[str, tuple[State, str]]:
    indexes = Indexes(servers)
    each = Wanted("an NVIDIA host", Manifest((TOOLKIT, *wanted)), (ARCHIVE,))
    read = {source: indexes.of(source) for source in each.sources}
    return {found.name: (found.state, found.detail) for found in packages.findings([each], read)}


MAIN = "http://archive.ubuntu.com/ubuntu/dists/jammy/main/binary-amd64/Packages.gz"
UNIVERSE = "http://archive.ubuntu.com/ubuntu/dists/jammy/universe/binary-amd64/Packages.gz"


def test_every_package_needs_a_candidate_of_the_version_asked_for() -> None:
    servers = Servers(
        {
            MAIN: index(("nvidia-utils-580-server", "580.95.05-0ubuntu0.22.04.1")),
            UNIVERSE: index(("docker.io", "28.2.2-0ubuntu1~22.04.1")),
            "https://nvidia.github.io/deb/amd64/Packages.gz": index(
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
    assert found["docker.io"] == ("sound", "28.2.2-0ubuntu1~22.04.1")
    assert found["nvidia-container-toolkit"] == ("sound", "1.20.0-1")
    assert found["nvidia-utils-580-server"] == (
        "rotten",
        "580.159.03 or newer is in no repository of an NVIDIA host",
    )
    assert found["libze1"] == ("rotten", "any version is in no repository of an NVIDIA host")


def test_a_repository_that_is_gone_is_named_and_its_packages_are_rotten() -> None:
    found = findings(Servers({}), Package("docker.io"))
    assert found["toolkit /"] == (
        "rotten",
        "https://nvidia.github.io/deb/amd64/Packages is not there, packed or plain",
    )
    assert found["docker.io"][0] == "rotten"


def test_a_package_is_not_called_missing_where_an_index_was_not_read() -> None:
    found = findings(Down({}), Package("docker.io"))
    assert {state for state, _ in found.values()} == {"unchecked"}
    assert "docker.io" not in found


def test_an_index_that_is_damaged_on_its_way_says_nothing_about_the_catalog() -> None:
    answers = {MAIN: httpx.Response(200, content=b"not gzip"), UNIVERSE: index()}
    reason = Indexes(Servers(answers)).of(ARCHIVE)
    assert isinstance(reason, NoAnswer)
    assert reason.state == "unchecked"
    assert "damaged" in str(reason)


def test_the_owner_of_a_file_is_looked_up_in_both_lists_of_a_component() -> None:
    place = "http://archive.ubuntu.com/ubuntu/dists/jammy/main"
    lines = b"lib/firmware/i915/dg2_guc_70.bin      non-free-firmware/kernel/firmware-intel-graphics\n"
    servers = Servers(
        {f"{place}/Contents-all.gz": httpx.Response(200, content=gzip.compress(lines + b"a/file  b/c,d/e\n"))}
    )
    path = "lib/firmware/i915/dg2_guc_70.bin"
    assert read_owners(ARCHIVE, "main", (path, "a/file", "a"), servers) == {
        path: ("firmware-intel-graphics",),
        "a/file": ("c", "e"),
        "a": (),
    }
    with pytest.raises(Gone, match="jammy/universe: no list of files is there"):
        read_owners(ARCHIVE, "universe", (path,), servers)


def test_an_image_is_sound_when_its_tag_still_is_the_pinned_digest() -> None:
    image = Image("pytorch/pytorch:2.14.1", DIGEST, 20)
    assert image_digests.finding(image, {"2.14.1": DIGEST, DIGEST: DIGEST}).state == "sound"
    moved = image_digests.finding(image, {"2.14.1": "sha256:" + "b" * 64, DIGEST: DIGEST})
    assert (moved.state, "pinned is" in moved.detail) == ("rotten", True)
    gone = Gone("2.14.1: HTTP 404")
    assert image_digests.finding(image, {"2.14.1": gone, DIGEST: DIGEST}).detail == "2.14.1: HTTP 404"


def test_an_unpinned_image_is_reported_with_the_digest_to_pin() -> None:
    found = image_digests.finding(Image("pytorch/pytorch:2.14.1", None, 20), {"2.14.1": DIGEST})
    assert (found.state, found.detail) == ("sound", DIGEST)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], 0),
        (["sound", "warning", "skipped"], 0),
        (["sound", "unchecked", "warning"], 3),
        (["unchecked", "rotten"], 1),
    ],
)
def test_the_exit_status_tells_rot_from_what_could_not_be_checked(states: list[State], expected: int) -> None:
    assert status([Finding("a", "b", state, "") for state in states]) == expected
