"""The manifests of the four kinds of hosts: what must be there, and what must not."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from roles import desired
from tests.unit.sample_hosts import ARC_A770, GTX_1080_TI, HWE, MAX_1100, RTX_3090, host, resolved, settings
from xpulab.catalog import load
from xpulab.lab import HostSettings, RepositoryOverride
from xpulab.manifest import LoadedModule, Manifest, Membership, Package, Unit
from xpulab.observed import Observed
from xpulab.resolve import resolve

ROOT = Path(__file__).resolve().parents[2]


def manifest_of(observed: Observed, wanted: HostSettings | None = None) -> Manifest:
    wanted = wanted or settings()
    return desired(resolved(resolve(observed, wanted, load())), wanted, load())


def names(manifest: Manifest) -> set[str]:
    return {package.name for package in manifest.packages}


def content(manifest: Manifest, path: str) -> str:
    return next(file.content for file in manifest.files if file.path == path)


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
    early = {file.path for file in manifest.files if file.phase == "before-packages"}
    assert 'DPkg::Lock::Timeout "600";' in content(manifest, "/etc/apt/apt.conf.d/99xpulab-lock-timeout")
    blocklist = content(manifest, "/etc/apt/apt.conf.d/99xpulab-unattended-upgrades")
    assert '"libnvidia-";' in blocklist and '"intel-i915-dkms";' in blocklist
    assert {path for path in early if "apt.conf.d" in path} == {
        "/etc/apt/apt.conf.d/99xpulab-lock-timeout",
        "/etc/apt/apt.conf.d/99xpulab-unattended-upgrades",
    }


def test_users_reach_device_nodes_only_where_there_are_some() -> None:
    assert Membership("ada", ("video", "render", "docker")) in manifest_of(host(RTX_3090)).memberships
    assert Membership("ada", ("docker",)) in manifest_of(host()).memberships


def test_every_file_says_who_manages_it_where_its_format_allows() -> None:
    for file in manifest_of(host(RTX_3090)).files:
        assert file.content.endswith("\n")
        if not file.path.endswith(".json"):
            assert "Managed by xpulab" in file.content.splitlines()[0]


def test_nvidia_host_gets_the_server_packages_not_older_than_the_security_floor() -> None:
    packages = manifest_of(host(RTX_3090)).packages
    assert Package("nvidia-utils-580-server", minimum="580.159.03") in packages
    assert Package("libnvidia-encode-580-server", minimum="580.159.03") in packages
    assert Package("linux-modules-nvidia-580-server-open-generic") in packages


def test_hwe_kernel_gets_the_hwe_modules() -> None:
    assert "linux-modules-nvidia-580-server-open-generic-hwe-22.04" in names(
        manifest_of(host(RTX_3090, kernel=HWE))
    )


def test_pascal_host_gets_proprietary_modules_and_no_open_ones() -> None:
    manifest = manifest_of(host(GTX_1080_TI))
    assert "linux-modules-nvidia-580-server-generic" in names(manifest)
    assert "linux-modules-nvidia-580-server-open-generic" in manifest.absent_packages
    package = "linux-modules-nvidia-580-server-generic"
    assert manifest.modules == (LoadedModule("nvidia", "NVIDIA", (package,), ("nouveau",)),)


def test_open_modules_are_told_by_their_licence_and_proprietary_ones_are_absent() -> None:
    manifest = manifest_of(host(RTX_3090))
    package = "linux-modules-nvidia-580-server-open-generic"
    assert manifest.modules == (LoadedModule("nvidia", "Dual MIT/GPL", (package,), ("nouveau",)),)
    assert "linux-modules-nvidia-580-server-generic" in manifest.absent_packages


def test_the_cuda_repositorys_driver_is_pinned_away() -> None:
    pin = content(manifest_of(host(RTX_3090)), "/etc/apt/preferences.d/xpulab-nvidia.pref")
    assert "Pin: release l=NVIDIA CUDA\nPin-Priority: -1\n" in pin
    assert " libnvidia-* " in pin
    assert "container" not in pin


def test_nouveau_is_blacklisted() -> None:
    text = content(manifest_of(host(RTX_3090)), "/etc/modprobe.d/xpulab-nouveau.conf")
    assert "\nblacklist nouveau\noptions nouveau modeset=0\n" in text


def test_the_persistence_daemon_restarts_with_its_drop_in() -> None:
    manifest = manifest_of(host(RTX_3090))
    drop_in = "/etc/systemd/system/nvidia-persistenced.service.d/xpulab.conf"
    assert Unit("nvidia-persistenced.service", configured_by=(drop_in,)) in manifest.units
    assert "\nExecStart=\nExecStart=/usr/bin/nvidia-persistenced " in content(manifest, drop_in)


def test_the_four_toolkit_packages_have_one_exact_version() -> None:
    toolkit = [package for package in manifest_of(host(RTX_3090)).packages if package.version]
    assert len(toolkit) == 4 and {package.version for package in toolkit} == {"1.20.0-1"}


def test_the_runtime_is_registered_and_the_cdi_specification_kept_fresh() -> None:
    manifest = manifest_of(host(RTX_3090))
    (daemon,) = manifest.json_settings
    assert daemon.path == "/etc/docker/daemon.json"
    assert daemon.settings["runtimes"]["nvidia"]["path"] == "nvidia-container-runtime"
    assert daemon.settings["features"] == {"cdi": True}
    assert Unit("docker.service", configured_by=(daemon.path,)) in manifest.units
    assert Unit("nvidia-cdi-refresh.path") in manifest.units
    refresh = Unit("nvidia-cdi-refresh.service", makes="/var/run/cdi/nvidia.yaml", oneshot=True)
    assert refresh in manifest.units
    assert manifest.absent_files == ("/etc/cdi/nvidia.yaml",)


def test_arc_host_gets_the_new_names_from_the_unified_channel() -> None:
    manifest = manifest_of(host(ARC_A770, kernel=HWE))
    gpu = next(each for each in manifest.repositories if each.name == "intel-gpu")
    assert (gpu.suite, gpu.components) == ("jammy", ("unified",))
    assert {"libze-intel-gpu1", "libze1", "intel-opencl-icd", "clinfo"} <= names(manifest)
    assert {"intel-level-zero-gpu", "level-zero"} <= set(manifest.absent_packages)
    assert manifest.modules == ()


def test_max_host_gets_the_dkms_module_built_for_its_kernel_and_loaded() -> None:
    manifest = manifest_of(host(MAX_1100))
    gpu = next(each for each in manifest.repositories if each.name == "intel-gpu")
    assert gpu.suite == "jammy/lts/2523"
    assert {"intel-i915-dkms", "intel-fw-gpu", "linux-headers-5.15.0-161-generic"} <= names(manifest)
    assert manifest.modules == (LoadedModule("i915", provided_by=("intel-i915-dkms",)),)


def test_channel_2350_has_the_old_names_and_not_the_new_ones() -> None:
    manifest = manifest_of(host(MAX_1100), settings(intel_channel="lts/2350"))
    assert {"intel-level-zero-gpu", "level-zero"} <= names(manifest)
    assert {"libze-intel-gpu1", "libze1"} <= set(manifest.absent_packages)


def test_other_sources_of_intel_gpu_packages_must_go() -> None:
    foreign = manifest_of(host(ARC_A770, kernel=HWE)).foreign_sources
    assert "https://repositories.intel.com/gpu" in foreign
    assert any("kobuk-team" in prefix for prefix in foreign)


def test_oneapi_comes_by_default_and_can_be_turned_off() -> None:
    arc = host(ARC_A770, kernel=HWE)
    assert "intel-oneapi-runtime-libs" in names(manifest_of(arc))
    without = manifest_of(arc, settings(oneapi=False))
    assert "intel-oneapi" not in {repository.name for repository in without.repositories}


def test_docker_ce_by_policy_displaces_the_distributions_engine() -> None:
    manifest = manifest_of(host(), settings(engine="docker-ce"))
    assert "docker-ce" in names(manifest) and "docker.io" in manifest.absent_packages
    (repository,) = manifest.repositories
    assert (repository.suite, repository.components) == ("jammy", ("stable",))


def test_a_cpu_host_needs_no_vendor_repository() -> None:
    manifest = manifest_of(host())
    assert manifest.repositories == () and manifest.modules == () and manifest.json_settings == ()
    assert "docker.io" in names(manifest) and "docker-ce" in manifest.absent_packages


def test_a_labs_mirror_replaces_uri_key_and_fingerprints() -> None:
    mirror = RepositoryOverride(
        uri="https://mirror.lab/toolkit", key_url="https://mirror.lab/key", fingerprints=("A" * 40,)
    )
    manifest = manifest_of(host(RTX_3090), HostSettings(repositories={"nvidia-container-toolkit": mirror}))
    (repository,) = manifest.repositories
    assert (repository.uri, repository.key_url) == ("https://mirror.lab/toolkit", "https://mirror.lab/key")
    assert repository.fingerprints == ("A" * 40,)
    assert repository.suite == "/"


def test_the_record_on_the_host_says_what_it_is() -> None:
    record = json.loads(content(manifest_of(host(RTX_3090)), "/etc/xpulab/host.json"))
    assert record["vendor"] == "nvidia"
    assert record["accelerators"][0]["compute_capability"] == "8.6"
    assert record["driver"] == {"branch": "580", "modules": "open"}
    assert record["engine"] == "docker.io"
    assert record["image"] == {"reference": "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime", "digest": None}
    assert json.loads(content(manifest_of(host()), "/etc/xpulab/host.json"))["driver"] is None


def test_the_same_host_gets_the_same_manifest_byte_for_byte() -> None:
    assert manifest_of(host(MAX_1100)) == manifest_of(host(MAX_1100))
