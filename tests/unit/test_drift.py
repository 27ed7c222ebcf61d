from __future__ import annotations

import hashlib
from dataclasses import replace

from xpulab.converging.drift import drift
from xpulab.desired.kinds.apt_repository import AptRepository, ForeignSources, OwnSources, seal
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.kernel import LoadedModule, WantedKernel
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import AbsentPackages, Package, WholePackages
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Shell
from xpulab.probing.observed import (
    AptSource,
    FoundFile,
    FoundGroup,
    FoundImage,
    FoundUnit,
    InstalledPackage,
    KernelModule,
    Observed,
)
from xpulab.resolving.target import Image

DAEMON_JSON = "/etc/docker/daemon.json"
BARE = Observed(os_id="ubuntu", os_version="22.04", architecture="x86_64", kernel="5.15.0-161-generic")
TOOLKIT = AptRepository(
    "nvidia-container-toolkit",
    "https://nvidia.github.io/gpgkey",
    ("A" * 40,),
    "https://nvidia.github.io/x",
    "/",
)


def found(content: str, modified: float = 0.0, mode: str = "0644", owner: str = "root:root") -> FoundFile:
    return FoundFile(hashlib.sha256(content.encode()).hexdigest(), mode, owner, modified, len(content))


KEYRING = {TOOLKIT.keyring: found("key"), seal(TOOLKIT.keyring, found("key").sha256): found("")}


def kinds(manifest: Manifest, observed: Observed) -> list[str]:
    return [each.kind for each in drift(manifest, observed)]


def test_an_empty_manifest_never_differs() -> None:
    assert drift(Manifest(), BARE) == ()


def test_a_package_differs_when_missing_too_old_or_not_the_exact_version() -> None:
    manifest = Manifest(
        (
            Package("a"),
            Package("b", minimum="580.159.03"),
            Package("c", version="1.20.0-1"),
        )
    )
    installed = {"b": "580.95.05-0ubuntu0.22.04.1", "c": "1.19.0-1"}
    observed = replace(BARE, packages={name: InstalledPackage(v) for name, v in installed.items()})
    assert [(each.name, each.found) for each in drift(manifest, observed)] == [
        ("a", "not there"),
        ("b", "580.95.05-0ubuntu0.22.04.1"),
        ("c", "1.19.0-1"),
    ]


def test_a_half_installed_package_differs_even_when_no_manifest_names_it() -> None:
    observed = replace(BARE, packages={"bash": InstalledPackage("5.1", intact=False)})
    assert kinds(Manifest((WholePackages(),)), observed) == ["broken package"]


def test_an_unwanted_package_differs_only_while_it_is_there() -> None:
    manifest = Manifest((AbsentPackages(("intel-level-zero-gpu",)),))
    assert kinds(manifest, BARE) == []
    stale = replace(BARE, packages={"intel-level-zero-gpu": InstalledPackage("1.3")})
    assert kinds(manifest, stale) == ["unwanted package"]


def test_an_unwanted_pattern_stands_for_every_package_it_matches() -> None:
    manifest = Manifest((AbsentPackages(("*nvidia*-580-server*", "nvidia-utils-580-server")),))
    there = dict.fromkeys(("nvidia-utils-580-server", "nvidia-utils-595-server"), InstalledPackage("1"))
    assert [each.name for each in drift(manifest, replace(BARE, packages=there))] == [
        "nvidia-utils-580-server"
    ]


def test_a_package_of_a_later_branch_differs_where_its_name_does_not_tell() -> None:
    manifest = Manifest((Package("nvidia-open", minimum="595.71.05", below="596"),))
    for version, differs in (("595.91.07-1ubuntu1", False), ("610.57.04-1ubuntu1", True), ("595.45-1", True)):
        observed = replace(BARE, packages={"nvidia-open": InstalledPackage(version)})
        assert bool(drift(manifest, observed)) == differs, version


def test_an_older_kernel_than_the_wanted_series_asks_for_a_reboot() -> None:
    manifest = Manifest((WantedKernel("6.2", "linux-generic-hwe-22.04"),))
    (difference,) = drift(manifest, BARE)
    assert (difference.kind, difference.found) == ("reboot", "5.15.0-161-generic runs")
    for kernel in ("6.8.0-87-generic", "6.12.12+bpo-amd64", "7.0.0-1-generic", "custom"):
        assert drift(manifest, replace(BARE, kernel=kernel)) == ()


def test_a_file_differs_in_content_mode_or_owner() -> None:
    manifest = Manifest((File("/etc/x", "wanted\n"),))
    for wrong in (found("other"), found("wanted\n", mode="0666"), found("wanted\n", owner="ops:ops")):
        assert kinds(manifest, replace(BARE, files={"/etc/x": wrong})) == ["file"]
    assert kinds(manifest, replace(BARE, files={"/etc/x": found("wanted\n")})) == []


def test_a_repository_differs_when_its_key_or_its_source_is_missing() -> None:
    manifest = Manifest((TOOLKIT,))
    assert kinds(manifest, BARE) == ["apt key", "apt source"]
    source = TOOLKIT.source
    there = {**KEYRING, source.path: found(source.content)}
    assert kinds(manifest, replace(BARE, files=there)) == []


def test_a_new_fingerprint_asks_for_a_new_key() -> None:
    assert TOOLKIT.keyring != replace(TOOLKIT, fingerprints=("B" * 40,)).keyring


def test_a_foreign_source_of_a_vendor_differs_and_our_own_does_not() -> None:
    manifest = Manifest(
        (
            TOOLKIT,
            ForeignSources.of(["https://nvidia.github.io/"], "one source"),
        )
    )
    sources = (
        AptSource(
            "/etc/apt/sources.list.d/nvidia-docker.list", "https://nvidia.github.io/nvidia-docker", "/"
        ),
        AptSource(TOOLKIT.source.path, TOOLKIT.uri, "/"),
    )
    differences = drift(manifest, replace(BARE, apt_sources=sources))
    assert [each.name for each in differences if each.kind == "foreign apt source"] == [
        f"{sources[0].path} {sources[0].uri} /"
    ]


def test_settings_differ_key_by_key_and_foreign_keys_are_no_difference() -> None:
    manifest = Manifest((JsonSettings("/etc/docker/daemon.json", {"features": {"cdi": True}}),))
    assert kinds(manifest, replace(BARE, contents={DAEMON_JSON: '{"log-driver": "journald"}'})) == [
        "settings"
    ]
    kept = '{"features": {"cdi": true, "buildkit": true}, "log-driver": "journald"}'
    assert kinds(manifest, replace(BARE, contents={DAEMON_JSON: kept})) == []


def test_membership_differs_until_the_user_is_in_the_group() -> None:
    manifest = Manifest((Membership("ops", ("docker", "render")),))
    observed = replace(BARE, groups={"render": FoundGroup(110, frozenset({"ops"}))})
    assert [each.name for each in drift(manifest, observed)] == ["ops in docker"]


def test_a_module_that_another_one_displaces_asks_for_a_reboot() -> None:
    manifest = Manifest((LoadedModule("nvidia", displaces=("nouveau",)),))
    modules = {
        "nouveau": KernelModule("nouveau", loaded=True),
        "nvidia": KernelModule("nvidia", disk_version="580.178.04"),
    }
    assert kinds(manifest, replace(BARE, modules=modules)) == ["reboot"]


def test_a_module_older_than_the_one_on_disk_asks_for_a_reboot() -> None:
    manifest = Manifest((LoadedModule("nvidia"),))
    loaded = KernelModule("nvidia", True, "580.159.03", "A", "580.178.04", "B")
    assert kinds(manifest, replace(BARE, modules={"nvidia": loaded})) == ["reboot"]


def test_the_in_tree_module_under_a_dkms_one_of_no_version_asks_for_a_reboot() -> None:
    manifest = Manifest((LoadedModule("i915"),))
    loaded = KernelModule("i915", True, None, "IN-TREE", "1.25.2", "DKMS")
    assert kinds(manifest, replace(BARE, modules={"i915": loaded})) == ["reboot"]


def test_a_module_that_nothing_holds_off_is_loaded_without_a_reboot() -> None:
    manifest = Manifest((LoadedModule("nvidia", displaces=("nouveau",)),))
    on_disk = {"nvidia": KernelModule("nvidia", disk_version="580.178.04")}
    assert kinds(manifest, replace(BARE, modules=on_disk)) == ["kernel module"]


def test_a_module_of_the_wrong_flavour_differs() -> None:
    manifest = Manifest((LoadedModule("nvidia", license="Dual MIT/GPL"),))
    loaded = KernelModule("nvidia", True, "580", "A", "580", "A", disk_license="NVIDIA")
    assert kinds(manifest, replace(BARE, modules={"nvidia": loaded})) == ["kernel module"]


def test_a_unit_differs_when_stopped_disabled_missing_or_older_than_its_configuration() -> None:
    manifest = Manifest((Unit("docker.service", configured_by=("/etc/docker/daemon.json",)),))
    config = {"/etc/docker/daemon.json": found("{}", modified=100.0)}
    wrong = [
        FoundUnit(False, "inactive", ""),
        FoundUnit(True, "failed", "enabled"),
        FoundUnit(True, "active", "disabled", 200.0),
        FoundUnit(True, "active", "enabled", 99.5),
    ]
    for unit in wrong:
        assert kinds(manifest, replace(BARE, files=config, units={"docker.service": unit})) == ["service"]
    right = FoundUnit(True, "active", "enabled", 100.5)
    assert kinds(manifest, replace(BARE, files=config, units={"docker.service": right})) == []


def test_a_oneshot_is_started_only_for_the_file_it_makes() -> None:
    manifest = Manifest((Unit("nvidia-cdi-refresh.service", makes="/var/run/cdi/nvidia.yaml", oneshot=True),))
    units = {"nvidia-cdi-refresh.service": FoundUnit(True, "inactive", "enabled")}
    assert kinds(manifest, replace(BARE, units=units)) == ["service"]
    made = {"/var/run/cdi/nvidia.yaml": found("cdi")}
    assert kinds(manifest, replace(BARE, units=units, files=made)) == []


def test_an_image_differs_when_missing_or_of_another_digest_than_the_pinned_one() -> None:
    pinned = Manifest((PulledImage(Image("pytorch/pytorch:2.14.1", "sha256:" + "a" * 64, 20)),))
    floating = Manifest((PulledImage(Image("pytorch/pytorch:2.14.1", None, 20)),))
    moved = replace(BARE, images=(FoundImage("pytorch/pytorch", "2.14.1", "sha256:" + "b" * 64),))
    assert kinds(pinned, BARE) == kinds(floating, BARE) == kinds(pinned, moved) == ["image"]
    assert kinds(floating, moved) == []


def test_a_module_that_is_not_on_disk_for_the_running_kernel_asks_for_a_reboot_into_its_own() -> None:
    manifest = Manifest((LoadedModule("nvidia", provided_by=("linux-modules-nvidia",)),))
    observed = replace(BARE, packages={"linux-modules-nvidia": InstalledPackage("5.15.0-170")})
    assert kinds(manifest, observed) == ["reboot"]
    assert kinds(manifest, BARE) == ["kernel module"]


def test_a_plan_foresees_the_reboot_for_a_module_that_its_package_will_replace() -> None:
    manifest = Manifest((LoadedModule("i915", provided_by=("intel-i915-dkms",)),))
    in_tree = KernelModule("i915", True, None, "IN-TREE", None, "IN-TREE")
    assert kinds(manifest, replace(BARE, modules={"i915": in_tree})) == ["reboot"]


def test_a_repository_that_another_file_has_too_is_disabled_there_and_its_neighbours_stay() -> None:
    twin = AptSource("/etc/apt/sources.list.d/cuda-keyring.list", TOOLKIT.uri + "/", "/")
    other_suite = AptSource("/etc/apt/sources.list", TOOLKIT.uri, "other")
    source = TOOLKIT.source
    files = {**KEYRING, source.path: found(source.content)}
    observed = replace(
        BARE, files=files, apt_sources=(twin, other_suite, AptSource(source.path, TOOLKIT.uri, "/"))
    )
    (difference,) = drift(Manifest((TOOLKIT,)), observed)
    assert (difference.kind, difference.name) == ("foreign apt source", f"{twin.path} {twin.uri} /")


def test_a_source_of_ours_that_nothing_wants_any_more_goes() -> None:
    stale = "/etc/apt/sources.list.d/xpulab-nvidia-cuda.sources"
    source = TOOLKIT.source
    files = {**KEYRING, source.path: found(source.content), stale: found("Types: deb")}
    wanted = Manifest((TOOLKIT, OwnSources(frozenset({source.path}))))
    (difference,) = drift(wanted, replace(BARE, files=files))
    assert (difference.name, difference.wanted) == (stale, "absent")


def test_a_package_that_apt_holds_is_the_hosts_refusal_and_only_where_it_would_change() -> None:
    held = replace(BARE, packages={"docker.io": InstalledPackage("20.10", held=True)})
    refusal = Package("docker.io", minimum="24").unusable(held)
    assert refusal and "docker.io (20.10)" in refusal.reason
    assert refusal.remedy == "apt-mark unhold docker.io, and run again"
    assert Package("docker.io").unusable(held) is None
    assert Package("curl").unusable(held) is None
    gone = AbsentPackages(("docker.*",)).unusable(held)
    assert gone and "docker.io (20.10)" in gone.reason


def test_a_user_of_a_directory_is_a_member_under_the_name_that_groups_know() -> None:
    membership = Membership("ada@corp.example", ("docker",))
    assert membership.unusable(BARE) is not None
    users = {"ada@corp.example": "ada"}
    known = replace(BARE, users=users, groups={"docker": FoundGroup(1, frozenset())})
    assert membership.unusable(known) is None
    (difference,) = membership.differences(known)
    assert isinstance(difference.mend, Shell) and "gpasswd --add ada docker" in difference.mend.lines[-1]
    member = replace(known, groups={"docker": FoundGroup(1, frozenset({"ada"}))})
    assert list(membership.differences(member)) == []
