"""The manifests of the four kinds of hosts: what must be there, and what must not."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.unit import sample_hosts
from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    B200,
    BOOKWORM,
    GA,
    GTX_1080_TI,
    H100,
    HWE,
    MAX_1100,
    NOBLE_HWE,
    NVSWITCH,
    RTX_3090,
    debian,
    host,
    noble,
    settings,
)
from xpulab.converging.drift import drift
from xpulab.desired.kinds.apt_repository import AptRepository, ForeignSources
from xpulab.desired.kinds.file import AbsentFile, File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.kernel import LoadedModule, WantedKernel
from xpulab.desired.kinds.kernel_headers import KernelHeaders
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import InApt
from xpulab.inventory.settings import HostSettings, RepositoryOverride
from xpulab.probing.observed import InstalledPackage, Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]


def manifest_of(observed: Observed, wanted: HostSettings | None = None) -> Manifest:
    return sample_hosts.manifest_of(observed, wanted or settings())


def unwanted(manifest: Manifest) -> tuple[str, ...]:
    return tuple(pattern for each in manifest.of(AbsentPackages) for pattern in each.patterns)


def names(manifest: Manifest) -> set[str]:
    headers = {each.package for each in manifest.of(KernelHeaders)}
    return headers | {package.name for package in manifest.of(Package)}


def content(manifest: Manifest, path: str) -> str:
    return next(file.content for file in manifest.of(File) if file.path == path)


def test_no_role_imports_pyinfra() -> None:
    for file in (ROOT / "roles").rglob("*.py"):
        imported = [
            alias.name if isinstance(node, ast.Import) else node.module or ""
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        ]
        assert not [name for name in imported if name.startswith("pyinfra")], file


@pytest.mark.parametrize("card", [RTX_3090, ARC_A770, None])
def test_every_host_waits_for_apt_locks_and_keeps_drivers_from_unattended_upgrades(card: str | None) -> None:
    manifest = manifest_of(host(*filter(None, [card]), kernel=HWE))
    early = {file.path for file in manifest.of(File) if file.phase == "before-packages"}
    assert 'DPkg::Lock::Timeout "600";' in content(manifest, "/etc/apt/apt.conf.d/99xpulab-lock-timeout")
    blocklist = content(manifest, "/etc/apt/apt.conf.d/99xpulab-unattended-upgrades")
    assert '"libnvidia-";' in blocklist and '"intel-i915-dkms";' in blocklist
    assert {path for path in early if "apt.conf.d" in path} == {
        "/etc/apt/apt.conf.d/99xpulab-lock-timeout",
        "/etc/apt/apt.conf.d/99xpulab-unattended-upgrades",
    }


def test_users_reach_device_nodes_only_where_there_are_some() -> None:
    assert Membership("ada", ("video", "render", "docker")) in manifest_of(host(RTX_3090)).of(Membership)
    assert Membership("ada", ("docker",)) in manifest_of(host()).of(Membership)


def test_every_file_says_who_manages_it_where_its_format_allows() -> None:
    for file in manifest_of(host(RTX_3090)).of(File):
        assert file.content.endswith("\n")
        if not file.path.endswith(".json"):
            assert "Managed by xpulab" in file.content.splitlines()[0]


def test_nvidia_host_gets_the_server_packages_not_older_than_the_security_floor() -> None:
    packages = manifest_of(host(RTX_3090)).of(Package)
    assert Package("nvidia-utils-580-server", minimum="580.178.04") in packages
    assert Package("libnvidia-encode-580-server", minimum="580.178.04") in packages
    assert Package("linux-modules-nvidia-580-server-open-generic") in packages


def test_hwe_kernel_gets_the_hwe_modules() -> None:
    assert "linux-modules-nvidia-580-server-open-generic-hwe-22.04" in names(
        manifest_of(host(RTX_3090, kernel=HWE))
    )


def test_pascal_host_gets_proprietary_modules_and_no_open_ones() -> None:
    manifest = manifest_of(host(GTX_1080_TI))
    assert "linux-modules-nvidia-580-server-generic" in names(manifest)
    assert "linux-modules-nvidia-580-server-open-generic" in unwanted(manifest)
    package = "linux-modules-nvidia-580-server-generic"
    assert manifest.of(LoadedModule) == (
        LoadedModule("nvidia", "NVIDIA", (package,), ("nouveau",), "nvidia-utils-580-server"),
    )


def test_open_modules_are_told_by_their_licence_and_proprietary_ones_are_absent() -> None:
    manifest = manifest_of(host(RTX_3090))
    package = "linux-modules-nvidia-580-server-open-generic"
    assert manifest.of(LoadedModule) == (
        LoadedModule("nvidia", "Dual MIT/GPL", (package,), ("nouveau",), "nvidia-utils-580-server"),
    )
    assert "linux-modules-nvidia-580-server-generic" in unwanted(manifest)


def test_the_cuda_repositorys_driver_is_pinned_away() -> None:
    pin = content(manifest_of(host(RTX_3090)), "/etc/apt/preferences.d/00-xpulab-nvidia.pref")
    assert "Pin: release l=NVIDIA CUDA\nPin-Priority: -1\n" in pin
    assert " libnvidia-* " in pin
    assert "container" not in pin


def test_nouveau_is_blacklisted() -> None:
    text = content(manifest_of(host(RTX_3090)), "/etc/modprobe.d/xpulab-nouveau.conf")
    assert "\nblacklist nouveau\noptions nouveau modeset=0\n" in text


def test_the_persistence_daemon_restarts_with_its_drop_in() -> None:
    manifest = manifest_of(host(RTX_3090))
    drop_in = "/etc/systemd/system/nvidia-persistenced.service.d/xpulab.conf"
    assert Unit("nvidia-persistenced.service", configured_by=(drop_in,)) in manifest.of(Unit)
    assert "\nExecStart=\nExecStart=/usr/bin/nvidia-persistenced " in content(manifest, drop_in)


TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)


@pytest.mark.parametrize(
    ("there", "asked_of_apt"),
    [
        ({}, [f"{name}=1.20.1-1" for name in TOOLKIT]),
        (dict.fromkeys(TOOLKIT, "1.19.1-1"), [f"{name}=1.20.1-1" for name in TOOLKIT]),
        (dict.fromkeys(TOOLKIT, "1.20.1-1"), []),
        (dict.fromkeys(TOOLKIT, "1.21.0-1"), []),  # newer and safe: nothing is downgraded
        (
            {**dict.fromkeys(TOOLKIT, "1.20.1-1"), "libnvidia-container1": "1.21.0-1"},
            [f"{name}=1.21.0-1" for name in TOOLKIT[:3]],
        ),
        (
            {**dict.fromkeys(TOOLKIT, "1.21.0-1"), "nvidia-container-toolkit-base": "1.19.1-1"},
            ["nvidia-container-toolkit-base=1.21.0-1"],
        ),
        (dict.fromkeys(TOOLKIT[:2], "1.18.0-1"), [f"{name}=1.20.1-1" for name in TOOLKIT]),
    ],
)
def test_the_four_toolkit_packages_have_one_version_and_are_never_downgraded(
    there: dict[str, str], asked_of_apt: list[str]
) -> None:
    packages = [each for each in manifest_of(host(RTX_3090)).of(Package) if each.name in TOOLKIT]
    observed = host(RTX_3090, packages={name: InstalledPackage(version) for name, version in there.items()})
    mends = [each.mend for each in drift(Manifest(tuple(packages)), observed)]
    assert mends == [InApt(argument) for argument in asked_of_apt]


def test_a_pinned_toolkit_is_exact_and_none_that_is_unsafe() -> None:
    pinned = manifest_of(host(RTX_3090), settings(container_toolkit="1.19.1"))
    assert Package("libnvidia-container1", version="1.19.1-1") in pinned.of(Package)
    refusal = resolve(host(RTX_3090), settings(container_toolkit="1.18.2"), load())
    assert isinstance(refusal, Refusal) and "1.19.1 or later" in refusal.remedy


def test_the_runtime_is_registered_and_the_cdi_specification_kept_fresh() -> None:
    manifest = manifest_of(host(RTX_3090))
    (daemon,) = manifest.of(JsonSettings)
    assert daemon.path == "/etc/docker/daemon.json"
    assert daemon.settings["runtimes"]["nvidia"]["path"] == "nvidia-container-runtime"
    assert daemon.settings["features"] == {"cdi": True}
    assert Unit("docker.service", configured_by=(daemon.path,)) in manifest.of(Unit)
    assert Unit("nvidia-cdi-refresh.path") in manifest.of(Unit)
    refresh = Unit("nvidia-cdi-refresh.service", makes="/var/run/cdi/nvidia.yaml", oneshot=True)
    assert refresh in manifest.of(Unit)
    assert manifest.of(AbsentFile) == (AbsentFile("/etc/cdi/nvidia.yaml"),)


def test_arc_host_gets_the_new_names_from_the_unified_channel() -> None:
    manifest = manifest_of(host(ARC_A770, kernel=HWE))
    gpu = next(each for each in manifest.of(AptRepository) if each.name == "intel-gpu")
    assert (gpu.suite, gpu.components) == ("jammy", ("unified",))
    assert {"libze-intel-gpu1", "libze1", "intel-opencl-icd", "clinfo"} <= names(manifest)
    assert {"intel-level-zero-gpu", "level-zero"} <= set(unwanted(manifest))
    assert manifest.of(LoadedModule) == ()


def test_max_host_gets_the_dkms_module_built_for_its_kernel_and_loaded() -> None:
    manifest = manifest_of(host(MAX_1100))
    gpu = next(each for each in manifest.of(AptRepository) if each.name == "intel-gpu")
    assert gpu.suite == "jammy/lts/2523"
    assert {"intel-i915-dkms", "intel-fw-gpu", "linux-headers-5.15.0-161-generic"} <= names(manifest)
    assert manifest.of(LoadedModule) == (LoadedModule("i915", provided_by=("intel-i915-dkms",)),)


def test_channel_2350_has_the_old_names_and_not_the_new_ones() -> None:
    manifest = manifest_of(host(MAX_1100), settings(intel_channel="lts/2350"))
    assert {"intel-level-zero-gpu", "level-zero"} <= names(manifest)
    assert {"libze-intel-gpu1", "libze1"} <= set(unwanted(manifest))


def test_other_sources_of_intel_gpu_packages_must_go() -> None:
    ((foreign),) = (each.reasons for each in manifest_of(host(ARC_A770, kernel=HWE)).of(ForeignSources))
    assert "https://repositories.intel.com/gpu" in foreign
    assert any("kobuk-team" in prefix for prefix in foreign)


def test_oneapi_comes_by_default_and_can_be_turned_off() -> None:
    arc = host(ARC_A770, kernel=HWE)
    assert "intel-oneapi-runtime-libs" in names(manifest_of(arc))
    without = manifest_of(arc, settings(oneapi=False))
    assert "intel-oneapi" not in {repository.name for repository in without.of(AptRepository)}


def test_docker_ce_by_policy_displaces_the_distributions_engine() -> None:
    manifest = manifest_of(host(), settings(engine="docker-ce"))
    assert "docker-ce" in names(manifest) and "docker.io" in unwanted(manifest)
    (repository,) = manifest.of(AptRepository)
    assert (repository.suite, repository.components) == ("jammy", ("stable",))


def test_a_cpu_host_needs_no_vendor_repository() -> None:
    manifest = manifest_of(host())
    assert manifest.of(AptRepository) == () and manifest.of(LoadedModule) == ()
    assert [each.settings for each in manifest.of(JsonSettings)] == [{}]
    assert "docker.io" in names(manifest) and "docker-ce" in unwanted(manifest)


def test_a_labs_mirror_replaces_uri_key_and_fingerprints() -> None:
    mirror = RepositoryOverride(
        uri="https://mirror.lab/toolkit", key_url="https://mirror.lab/key", fingerprints=("A" * 40,)
    )
    manifest = manifest_of(host(RTX_3090), HostSettings(repositories={"nvidia-container-toolkit": mirror}))
    (repository,) = manifest.of(AptRepository)
    assert (repository.uri, repository.key_url) == ("https://mirror.lab/toolkit", "https://mirror.lab/key")
    assert repository.fingerprints == ("A" * 40,)
    assert repository.suite == "/"


def test_the_record_on_the_host_says_what_it_is() -> None:
    record = json.loads(content(manifest_of(host(RTX_3090)), "/etc/xpulab/host.json"))
    assert record["vendor"] == "nvidia"
    assert record["accelerators"][0]["compute_capability"] == "8.6"
    assert record["driver"] == {"branch": "580", "modules": "open", "source": "archive"}
    assert record["engine"] == "docker.io"
    assert record["image"] == {"reference": "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime", "digest": None}
    assert json.loads(content(manifest_of(host()), "/etc/xpulab/host.json"))["driver"] is None


def test_the_same_host_gets_the_same_manifest_byte_for_byte() -> None:
    assert manifest_of(host(MAX_1100)) == manifest_of(host(MAX_1100))


def absent(manifest: Manifest, name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in unwanted(manifest))


def test_another_branch_of_the_archive_goes_with_every_package() -> None:
    manifest = manifest_of(host(RTX_3090), settings(nvidia_driver="595"))
    assert "nvidia-utils-595-server" in names(manifest)
    for package in (
        "nvidia-utils-580-server",
        "linux-modules-nvidia-580-server-open-5.15.0-160-generic",
        "libnvidia-gl-570-server",
        "nvidia-fabricmanager-580",
        "cuda-drivers-580",
        "libnvidia-compute-580",
        "nvidia-open",
    ):
        assert absent(manifest, package), package
    for package in ("nvidia-firmware-595-server-595.71.05", "libnvidia-container1", "nvidia-persistenced"):
        assert not absent(manifest, package), package


def test_the_cuda_repository_brings_pinning_headers_and_the_branchs_own_names() -> None:
    manifest = manifest_of(noble(RTX_3090), settings(nvidia_source="cuda"))
    wanted = {"nvidia-driver-pinning-580", "nvidia-open-580", f"linux-headers-{HWE}", "linux-headers-generic"}
    assert wanted <= names(manifest)
    (cuda,) = (each for each in manifest.of(AptRepository) if each.name == "nvidia-cuda")
    assert cuda.uri.endswith("/repos/ubuntu2404/x86_64/")
    assert manifest.of(LoadedModule)[0].provided_by == ("nvidia-open-580",)
    assert absent(manifest, "linux-modules-nvidia-580-server-open-generic") and absent(
        manifest, "nvidia-open"
    )


def test_from_590_on_names_are_plain_and_versions_tell_the_branch() -> None:
    manifest = manifest_of(noble(RTX_3090), settings(nvidia_source="cuda", nvidia_driver="595"))
    assert Package("nvidia-open", minimum="595.91.07", below="596") in manifest.of(Package)
    assert "nvidia-driver-pinning-595" in names(manifest)
    assert absent(manifest, "nvidia-driver-pinning-580") and absent(manifest, "libnvidia-compute-580")
    assert absent(manifest, "cuda-drivers") and not absent(manifest, "nvidia-open")


def test_the_other_source_is_pinned_away_and_the_branch_is_pinned_in_the_cuda_repository() -> None:
    path = "/etc/apt/preferences.d/00-xpulab-nvidia.pref"
    archive = content(manifest_of(noble(RTX_3090)), path)
    cuda = content(manifest_of(noble(RTX_3090), settings(nvidia_source="cuda", nvidia_driver="595")), path)
    assert "l=NVIDIA CUDA" in archive and "l=Ubuntu" not in archive and "Pin: version" not in archive
    assert "l=Ubuntu\nPin-Priority: -1" in cuda and "l=NVIDIA CUDA" not in cuda
    assert "Pin: version 595.*\nPin-Priority: 1001" in cuda


@pytest.mark.parametrize(("kernel", "wanted"), [(HWE, True), (GA, False), ("5.15.0-1050-aws", True)])
def test_the_6_x_kernels_of_2204_need_the_compiler_they_were_built_with(kernel: str, wanted: bool) -> None:
    manifest = manifest_of(host(RTX_3090, kernel=kernel), settings(nvidia_source="cuda"))
    assert ("gcc-12" in names(manifest)) == wanted


def test_debian_12_has_the_cuda_repository_of_its_own_and_dockers_debian_packages() -> None:
    manifest = manifest_of(debian(GTX_1080_TI), settings(engine="docker-ce"))
    assert {"cuda-drivers-580", f"linux-headers-{BOOKWORM}", "linux-headers-amd64"} <= names(manifest)
    uris = {each.name: each.uri for each in manifest.of(AptRepository)}
    assert uris["nvidia-cuda"].endswith("/repos/debian12/x86_64/")
    assert uris["docker"] == "https://download.docker.com/linux/debian"


def test_debian_12s_own_kernel_is_no_backports_kernel_though_its_package_has_the_same_name() -> None:
    there = {"linux-image-amd64": InstalledPackage("6.1.158-1")}
    wanted = manifest_of(debian(ARC_A770, packages=there)).of(Package)
    (kernel,) = [package for package in wanted if package.name == "linux-image-amd64"]
    (difference,) = kernel.differences(debian(packages=there))
    assert difference.mend == InApt("linux-image-amd64")
    backports = {"linux-image-amd64": InstalledPackage("6.12.95-1~bpo12+1")}
    assert not list(kernel.differences(debian(packages=backports)))


@pytest.mark.parametrize(
    ("observed", "package", "old", "new"),
    [
        (host(ARC_A770), "linux-generic-hwe-22.04", "5.15.0.161.157~22.04.1", "6.8.0-87.88~22.04.1"),
        (noble(ARC_B580), "linux-generic-hwe-24.04", "6.11.0-29.29~24.04.1", "7.0.0-29.29~24.04.2"),
    ],
)
def test_a_kernels_meta_package_that_was_left_behind_is_brought_up_to_what_the_card_needs(
    observed: Observed, package: str, old: str, new: str
) -> None:
    (kernel,) = [each for each in manifest_of(observed).of(Package) if each.name == package]
    there = replace(observed, packages={package: InstalledPackage(old)})
    assert list(kernel.differences(there))
    assert not list(kernel.differences(replace(there, packages={package: InstalledPackage(new)})))


def test_gpus_behind_an_nvswitch_get_the_fabric_manager_of_their_branch() -> None:
    manifest = manifest_of(host(H100, NVSWITCH))
    assert Package("nvidia-fabricmanager-580", minimum="580.178.04") in manifest.of(Package)
    assert "libnvidia-nscq-580" in names(manifest) and not absent(manifest, "libnvidia-nscq-580")
    assert Unit("nvidia-fabricmanager.service") in manifest.of(Unit)


def test_nvlink5_boards_get_their_subnet_manager_from_the_cuda_repository() -> None:
    manifest = manifest_of(noble(B200, B200))
    assert {"nvidia-fabricmanager", "libnvidia-nscq", "nvlsm", "infiniband-diags"} <= names(manifest)
    assert "ib_umad" in content(manifest, "/etc/modules-load.d/xpulab-nvlink5.conf")


def test_a_kernel_upgrade_brings_the_meta_package_and_asks_for_its_series() -> None:
    manifest = manifest_of(noble(ARC_B580))
    assert Package("linux-generic-hwe-24.04", minimum="6.12") in manifest.of(Package)
    assert manifest.of(WantedKernel) == (WantedKernel("6.12", "linux-generic-hwe-24.04"),)
    assert manifest_of(noble(ARC_B580, kernel=NOBLE_HWE)).of(WantedKernel) == ()


def test_arc_on_2404_has_the_ppa_and_no_channel_of_intels_repository() -> None:
    manifest = manifest_of(noble(ARC_A770))
    (gpu,) = (each for each in manifest.of(AptRepository) if each.name.startswith("intel-g"))
    assert (gpu.name, gpu.suite, gpu.components) == ("intel-graphics-ppa", "noble", ("main",))
    assert {"libze-intel-gpu1", "libze1", "intel-gsc"} <= names(manifest)


def test_arc_on_debian_12_gets_kernel_and_firmware_from_backports_and_no_user_space() -> None:
    manifest = manifest_of(debian(ARC_A770))
    assert {"linux-image-amd64", "firmware-misc-nonfree", "firmware-intel-graphics"} <= names(manifest)
    assert not [name for name in names(manifest) if name.startswith(("libze", "intel-"))]
    (backports,) = manifest.of(AptRepository)
    assert (backports.name, backports.components) == ("debian-backports", ("main", "non-free-firmware"))
    pin = content(manifest, "/etc/apt/preferences.d/xpulab-backports.pref")
    assert "linux-image-amd64" in pin and "Pin: release n=bookworm-backports" in pin
    assert Membership("ada", ("video", "render", "docker")) in manifest.of(Membership)


def test_a_host_that_uses_both_vendors_gets_both_drivers_and_one_image() -> None:
    manifest = manifest_of(host(RTX_3090, ARC_A770, kernel=HWE), settings(prefer="both"))
    assert {"nvidia-utils-580-server", "libze-intel-gpu1"} <= names(manifest)
    assert len(manifest.of(PulledImage)) == 1
    record = json.loads(content(manifest, "/etc/xpulab/host.json"))
    assert record["beside"] == {"vendor": "intel", "driver": {"branch": "unified", "modules": "in-tree"}}
