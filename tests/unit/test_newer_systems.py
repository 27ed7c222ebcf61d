"""Ubuntu 26.04 and Debian 13: what hosts of every kind get there, where it comes from, and who is refused."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    B200,
    FLEX_170,
    GTX_1080_TI,
    H100,
    MAX_1100,
    NVSWITCH,
    RTX_3090,
    manifest_of,
    resolute,
    resolved,
    settings,
    trixie,
)
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.kernel_headers import KernelHeaders
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.manifest import Manifest
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.secure_boot import ENROL
from xpulab.resolving.target import Driver
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

XPU, CPU = "intel/pytorch:xpu-2.13.0-ubuntu24.04", "intel/pytorch:cpu-2.11.0-ubuntu24.04"
LUNAR_LAKE, PANTHER_LAKE, ARC_PRO_B50 = "8086:64a0", "8086:b080", "8086:e212"


def repositories(manifest: Manifest) -> dict[str, AptRepository]:
    return {each.name: each for each in manifest.of(AptRepository)}


def names(manifest: Manifest) -> set[str]:
    return {each.name for each in manifest.of(Package)}


@pytest.mark.parametrize(
    ("observed", "driver", "image"),
    [
        (
            resolute(RTX_3090),
            Driver("580", "open", "archive"),
            "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime",
        ),
        (
            resolute(GTX_1080_TI),
            Driver("580", "proprietary", "archive"),
            "pytorch/pytorch:2.14.1-cuda12.6-cudnn9-runtime",
        ),
        (resolute(ARC_B580), Driver("ppa", "in-tree"), XPU),
        (resolute(), None, CPU),
        (trixie(RTX_3090), Driver("595", "open", "cuda"), "pytorch/pytorch:2.14.1-cuda13.2-cudnn9-runtime"),
        (trixie(ARC_B580), Driver("distribution", "in-tree"), XPU),
        (trixie(), None, CPU),
    ],
)
def test_every_kind_of_host_gets_the_driver_of_its_system_on_its_own_kernel(
    observed: Observed, driver: Driver | None, image: str
) -> None:
    target = resolved(resolve(observed, settings(), load_catalog()))
    assert (target.driver, target.image.reference) == (driver, image)
    assert target.kernel_upgrade is None and target.engine == "docker.io"


@pytest.mark.parametrize("card", [MAX_1100, FLEX_170])
@pytest.mark.parametrize("system", [resolute, trixie])
def test_max_and_flex_are_refused_naming_the_systems_that_have_their_channel(
    card: str, system: object
) -> None:
    observed = resolute(card) if system is resolute else trixie(card)
    refusal = resolve(observed, settings(), load_catalog())
    assert isinstance(refusal, Refusal)
    assert refusal.remedy.startswith("install Ubuntu 22.04 LTS or Ubuntu 24.04 LTS, or")


def test_pascal_is_refused_on_debian_13_whose_repository_begins_behind_its_last_branch() -> None:
    refusal = resolve(trixie(GTX_1080_TI), settings(), load_catalog())
    assert isinstance(refusal, Refusal)
    assert "branch 580 will not do" in refusal.reason and "Debian 13" in refusal.reason
    assert "install Ubuntu 22.04 LTS or Ubuntu 24.04 LTS or Ubuntu 26.04 LTS or Debian 12" in refusal.remedy


def test_ubuntu_26_has_signed_modules_from_its_archive_and_no_vendors_driver_repository() -> None:
    manifest = manifest_of(resolute(RTX_3090), settings())
    assert "linux-modules-nvidia-580-server-open-generic" in names(manifest)
    assert set(repositories(manifest)) == {"nvidia-container-toolkit"}


@pytest.mark.parametrize(
    ("observed", "distribution", "key", "fingerprint"),
    [
        (resolute(RTX_3090), "ubuntu2604", "60DF8A40", "14BAFBC7562AD710CA04E69905FBB6DA60DF8A40"),
        (trixie(RTX_3090), "debian13", "8793F200", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    ],
)
def test_the_cuda_repository_of_each_is_signed_by_a_key_of_its_own(
    observed: Observed, distribution: str, key: str, fingerprint: str
) -> None:
    manifest = manifest_of(observed, settings(nvidia_source="cuda"))
    cuda = repositories(manifest)["nvidia-cuda"]
    base = f"https://developer.download.nvidia.com/compute/cuda/repos/{distribution}/x86_64/"
    assert (cuda.uri, cuda.key_url, cuda.fingerprints) == (base, f"{base}{key}.pub", (fingerprint,))
    assert {"nvidia-open", "nvidia-driver-pinning-595"} <= names(manifest)


def test_a_labs_own_key_of_a_mirror_counts_for_these_systems_too() -> None:
    mirror = {"key_url": "http://mirror/{distribution}.pub", "fingerprints": ["A" * 40]}
    own = type(settings()).model_validate({"repositories": {"nvidia-cuda": mirror}})
    cuda = repositories(manifest_of(trixie(RTX_3090), own))["nvidia-cuda"]
    assert (cuda.key_url, cuda.fingerprints) == ("http://mirror/debian13.pub", ("A" * 40,))


def test_debian_13_builds_the_modules_for_its_own_kernels() -> None:
    manifest = manifest_of(trixie(RTX_3090), settings())
    (headers,) = manifest.of(KernelHeaders)
    assert headers.package == "linux-headers-6.12.118+deb13-amd64"
    assert "linux-headers-amd64" in names(manifest)
    assert not {name for name in names(manifest) if name.startswith("gcc")}


def test_that_no_page_shows_branch_595_in_debian_13s_repository_is_said_there_alone() -> None:
    def unseen(observed: Observed) -> bool:
        target = resolved(resolve(observed, settings(nvidia_source="cuda"), load_catalog()))
        return any("branch 595 was not seen" in note for note in target.notes)

    assert unseen(trixie(RTX_3090)) and not unseen(resolute(RTX_3090))


def test_nvswitches_and_nvlink_5_get_their_fabric_manager() -> None:
    archive = manifest_of(resolute(H100, NVSWITCH), settings())
    assert "nvidia-fabricmanager-580" in names(archive)
    for observed in (resolute(B200, B200), trixie(B200, B200)):
        target = resolved(resolve(observed, settings(), load_catalog()))
        assert (target.driver, target.fabric) == (Driver("595", "open", "cuda"), "nvlink5")
        assert {"nvlsm", "nvidia-fabricmanager"} <= names(manifest_of(observed, settings()))


def test_dkms_under_secure_boot_is_refused_on_debian_13() -> None:
    refusal = resolve(trixie(RTX_3090, secure_boot=True), settings(), load_catalog())
    assert isinstance(refusal, Refusal)
    assert "nor will 595: " in refusal.reason and "Secure Boot" in refusal.reason
    assert refusal.remedy.startswith(ENROL)


def test_intel_on_ubuntu_26_has_the_ppa_of_its_own_codename() -> None:
    found = repositories(manifest_of(resolute(ARC_A770), settings()))
    assert (found["intel-graphics-ppa"].suite, found["intel-graphics-ppa"].components) == (
        "resolute",
        ("main",),
    )


def test_intel_on_debian_13_has_firmware_of_the_systems_own_archive_and_all_else_in_the_image() -> None:
    manifest = manifest_of(trixie(ARC_A770), settings())
    assert repositories(manifest) == {}
    assert names(manifest) == {
        "ca-certificates",
        "pciutils",
        "docker.io",
        "docker-cli",
        "firmware-intel-graphics",
    }
    assert not [each for each in manifest.of(File) if each.path.startswith("/etc/apt/preferences.d/")]
    (firmware,) = [each for each in manifest.of(Package) if each.name == "firmware-intel-graphics"]
    assert firmware.origin is None


@pytest.mark.parametrize("card", [ARC_A770, ARC_B580, LUNAR_LAKE, "8086:7d55", "8086:7d51"])
def test_debian_13_serves_the_intel_gpus_that_its_kernel_and_firmware_know(card: str) -> None:
    assert resolved(resolve(trixie(card), settings(), load_catalog())).vendor == "intel"


@pytest.mark.parametrize("card", [ARC_PRO_B50, PANTHER_LAKE])
def test_intel_gpus_newer_than_debian_13s_kernel_are_refused_naming_ubuntu_26(card: str) -> None:
    refusal = resolve(trixie(card), settings(), load_catalog())
    assert isinstance(refusal, Refusal)
    assert "Debian 13 ends at kernel 6.12" in refusal.reason and "Ubuntu 26.04 LTS" in refusal.remedy
    assert resolved(resolve(resolute(card), settings(), load_catalog())).vendor == "intel"


def test_pytorch_lists_panther_lake_on_ubuntu_26() -> None:
    notes = resolved(resolve(resolute(PANTHER_LAKE), settings(), load_catalog())).notes
    assert not [note for note in notes if "PyTorch lists" in note]


def test_debian_13s_docker_comes_without_the_docker_command_unless_it_is_asked_for() -> None:
    assert "docker-cli" in names(manifest_of(trixie(), settings()))
    assert "docker-cli" not in names(manifest_of(resolute(), settings()))


@pytest.mark.parametrize(
    ("observed", "uri", "suite", "in_the_way"),
    [
        (resolute(), "https://download.docker.com/linux/ubuntu", "resolute", "containerd-stable"),
        (trixie(), "https://download.docker.com/linux/debian", "trixie", "docker-cli"),
    ],
)
def test_dockers_own_packages_push_aside_what_the_system_has(
    observed: Observed, uri: str, suite: str, in_the_way: str
) -> None:
    manifest = manifest_of(observed, settings(engine="docker-ce"))
    docker = repositories(manifest)["docker"]
    assert (docker.uri, docker.suite) == (uri, suite)
    patterns = [pattern for each in manifest.of(AbsentPackages) for pattern in each.patterns]
    assert any(fnmatch(in_the_way, pattern) for pattern in patterns)
    assert in_the_way not in names(manifest)
