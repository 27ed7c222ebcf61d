"""What holds for every host: system, disk, engine, overrides, CPU hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.sample_hosts import ASPEED, RADEON, RTX_3090, host, manifest_of, noble, resolved, settings
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.inventory.settings import HostSettings, ImageOverride, RepositoryOverride
from xpulab.probing.observed import FoundImage
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Target
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal

IMAGE = "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"
DIGEST = "sha256:" + "a" * 64


def test_a_host_with_only_a_bmc_is_a_cpu_host() -> None:
    target = resolved(resolve(host(ASPEED), settings(), load()))
    assert (target.vendor, target.accelerators, target.driver) == ("cpu", (), None)
    assert target.image.reference == "intel/pytorch:cpu-2.11.0-ubuntu24.04"
    assert target.lasting_notes == ()


def test_a_lab_wide_torch_version_does_not_refuse_its_cpu_hosts() -> None:
    target = resolved(resolve(host(), settings(torch="2.14"), load()))
    assert "2.11.0 is the nearest" in target.notes[0]


def test_a_cpu_host_may_run_any_kernel() -> None:
    target = resolved(resolve(host(kernel="6.8.0-1021-xanmod"), settings(), load()))
    assert target.kernel_flavour == "unknown"


@pytest.mark.parametrize(("os_id", "os_version"), [("ubuntu", "18.04"), ("fedora", "42"), ("", "")])
def test_an_unsupported_system_is_refused(os_id: str, os_version: str) -> None:
    refusal = resolve(host(RTX_3090, os_id=os_id, os_version=os_version), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Ubuntu 22.04 LTS" in refusal.remedy


def test_an_unsupported_architecture_is_refused() -> None:
    refusal = resolve(host(RTX_3090, architecture="aarch64"), settings(), load())
    assert isinstance(refusal, Refusal) and "aarch64" in refusal.reason


def test_too_little_disk_is_refused_naming_both_numbers() -> None:
    refusal = resolve(host(RTX_3090, engine_free_bytes=3_100_000_000), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "20 GB" in refusal.reason and "3.1 GB" in refusal.reason


def test_an_image_that_is_there_already_needs_no_disk() -> None:
    full = host(RTX_3090, engine_free_bytes=0)
    repository, tag = IMAGE.split(":")
    there = replace(full, images=(FoundImage(repository, tag, DIGEST),))
    resolved(resolve(there, settings(), load()))
    pinned = HostSettings(images={IMAGE: ImageOverride(digest=DIGEST)})
    resolved(resolve(there, pinned, load()))
    other = HostSettings(images={IMAGE: ImageOverride(digest="sha256:" + "b" * 64)})
    assert isinstance(resolve(there, other, load()), Refusal)


def test_the_inventory_may_pin_digest_and_disk_space_of_an_image() -> None:
    pinned = HostSettings(images={IMAGE: ImageOverride(digest=DIGEST, disk_gb=0.5)})
    image = resolved(resolve(host(RTX_3090, engine_free_bytes=10**9), pinned, load())).image
    assert (image.reference, image.digest, image.disk_gb) == (IMAGE, DIGEST, 0.5)


def test_an_override_of_an_unknown_repository_is_refused_with_the_known_names() -> None:
    wrong = HostSettings(repositories={"nvidia-coda": RepositoryOverride(uri="https://mirror.lab/")})
    refusal = resolve(host(), wrong, load())
    assert isinstance(refusal, Refusal)
    assert "nvidia-coda" in refusal.reason and "nvidia-cuda" in refusal.remedy


def test_an_override_of_an_unknown_image_is_refused() -> None:
    wrong = HostSettings(images={"pytorch/pytorch:2.14.1": ImageOverride(disk_gb=1)})
    refusal = resolve(host(), wrong, load())
    assert isinstance(refusal, Refusal) and "pytorch/pytorch:2.14.1" in refusal.reason


def test_snap_docker_is_refused() -> None:
    refusal = resolve(host(snap_docker=True), settings(), load())
    assert isinstance(refusal, Refusal) and "snap remove docker" in refusal.remedy


def test_an_amd_host_is_refused_by_name_or_becomes_a_cpu_host_by_policy() -> None:
    refusal = resolve(host(RADEON), settings(), load())
    assert isinstance(refusal, Refusal) and "AMD" in refusal.reason
    assert resolved(resolve(host(RADEON), settings(unsupported="cpu"), load())).vendor == "cpu"


def test_an_amd_gpu_beside_a_supported_one_is_only_noted() -> None:
    target = resolved(resolve(host(RADEON, RTX_3090), settings(), load()))
    assert target.vendor == "nvidia" and "AMD" in target.notes[0]


def test_unsupported_cpu_does_not_hide_a_host_that_lacks_disk() -> None:
    full = host(RADEON, engine_free_bytes=0)
    assert isinstance(resolve(full, settings(unsupported="cpu"), load()), Refusal)


def test_a_display_of_an_unknown_vendor_is_noted_and_ignored() -> None:
    target = resolved(resolve(host("abcd:0001"), settings(), load()))
    assert target.vendor == "cpu" and "abcd:0001" in target.notes[0]


def test_a_refusal_for_disk_space_names_the_place_that_was_measured() -> None:
    full = host(ASPEED, engine_free_bytes=10**9, engine_root="/srv/docker")
    refused = resolve(full, HostSettings(), load())
    assert (
        isinstance(refused, Refusal)
        and "/srv/docker, where the engine keeps them, has 1.0 GB" in refused.reason
    )


CUDA = "nvidia-cuda"


def mirrored(uri: str, *systems: str) -> HostSettings:
    override = {"uri": uri, **({"systems": systems} if systems else {})}
    return HostSettings.model_validate(
        {"repositories": {CUDA: override}, "policy": {"nvidia_source": "cuda"}}
    )


def test_one_mirror_serves_a_lab_of_several_systems_by_the_catalogs_own_words() -> None:
    settings = mirrored("http://mirror/cuda/{distribution}/x86_64/")
    addresses = set()
    for observed in (host(RTX_3090), noble(RTX_3090)):
        repositories = manifest_of(observed, settings).of(AptRepository)
        addresses |= {each.uri for each in repositories if each.name == CUDA}
    assert addresses == {"http://mirror/cuda/ubuntu2204/x86_64/", "http://mirror/cuda/ubuntu2404/x86_64/"}


def test_a_mirror_of_one_system_is_refused_where_it_is_not_said_to_be_the_hosts() -> None:
    flat = "http://mirror/cuda"
    assert isinstance(resolve(host(RTX_3090), mirrored(flat, "ubuntu-22.04"), load()), Target)
    for said in (mirrored(flat), mirrored(flat, "ubuntu-24.04")):
        refused = resolve(host(RTX_3090), said, load())
        assert isinstance(refused, Refusal) and flat in refused.reason and "{distribution}" in refused.remedy
