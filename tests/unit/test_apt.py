from __future__ import annotations

import pytest
from pysequoia import ArmorKind, Cert, Tsk, armor

from tests.unit.test_drift import TOOLKIT
from xpulab.desired.apt_keys import KeyRefused, accepted_keys
from xpulab.desired.kinds.apt_repository import AptRepository


@pytest.fixture(scope="module")
def keys() -> list[Cert]:
    return [
        Cert.from_bytes(bytes(Tsk.generate(f"{name}@example.org").extract_certificate()))
        for name in ("vendor", "other")
    ]


def repository(*fingerprints: str) -> AptRepository:
    return AptRepository("docker", "https://example.org/key", fingerprints, "https://example.org", "jammy")


def test_the_pinned_key_is_accepted_armored_or_not(keys: list[Cert]) -> None:
    pinned = repository(keys[0].fingerprint.upper())
    armored = armor(bytes(keys[0]), ArmorKind.PublicKey).encode()
    for downloaded in (bytes(keys[0]), armored):
        (accepted,) = Cert.split_bytes(accepted_keys(downloaded, pinned))
        assert accepted.fingerprint == keys[0].fingerprint


def test_only_the_pinned_one_of_several_keys_is_kept(keys: list[Cert]) -> None:
    downloaded = bytes(keys[0]) + bytes(keys[1])
    (accepted,) = Cert.split_bytes(accepted_keys(downloaded, repository(keys[1].fingerprint.upper())))
    assert accepted.fingerprint == keys[1].fingerprint


def test_another_key_is_refused_and_both_fingerprints_are_named(keys: list[Cert]) -> None:
    with pytest.raises(KeyRefused) as refused:
        accepted_keys(bytes(keys[0]), repository("A" * 40))
    assert keys[0].fingerprint.upper() in str(refused.value)
    assert "A" * 40 in str(refused.value)
    assert "repositories.docker.fingerprints" in refused.value.remedy


def test_a_web_page_is_no_key() -> None:
    with pytest.raises(KeyRefused, match="is no OpenPGP key"):
        accepted_keys(b"<html>gone</html>", repository("A" * 40))


def test_a_flat_repository_has_no_components() -> None:
    content = TOOLKIT.source.content
    assert "Suites: /\n" in content
    assert "Components" not in content
    assert "Signed-By: /etc/apt/keyrings/xpulab-nvidia-container-toolkit-AAAAAAAAAAAAAAAA.gpg" in content
