"""NVIDIA hosts: branch, module flavour and image that fit every GPU, or a refusal that says what would do."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.unit.sample_hosts import (
    ARC_A770,
    B200,
    GTX_1080_TI,
    H100,
    HWE,
    K40,
    NVSWITCH,
    RTX_3090,
    RTX_5090,
    UHD_770,
    V100,
    debian,
    function,
    host,
    resolved,
    settings,
)
from xpulab.catalog import HERE, load_from
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Driver
from xpulab.resolving.vendors import VENDORS
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal


def test_ampere_host_gets_open_580_and_cuda13_image() -> None:
    target = resolved(resolve(host(RTX_3090), settings(), load()))
    assert target.vendor == "nvidia"
    assert target.driver == Driver("580", "open", "archive")
    assert target.image.reference == "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"
    assert target.kernel_flavour == "generic"
    (gpu,) = target.accelerators
    assert (gpu.name, gpu.family, gpu.compute_capability) == ("NVIDIA GeForce RTX 3090", "ampere", "8.6")


def test_pascal_host_gets_proprietary_580_and_cuda126_image() -> None:
    target = resolved(resolve(host(GTX_1080_TI), settings(), load()))
    assert target.driver == Driver("580", "proprietary", "archive")
    assert target.image.reference == "pytorch/pytorch:2.14.1-cuda12.6-cudnn9-runtime"


@pytest.mark.parametrize(
    ("device", "family", "compute_capability"),
    [
        ("13c2", "maxwell", "5.2"),
        ("1380", "maxwell", "5.0"),
        ("15f8", "pascal", "6.0"),
        ("1b06", "pascal", "6.1"),
        ("1db4", "volta", "7.0"),
        ("1eb8", "turing", "7.5"),
        ("2182", "turing", "7.5"),
        ("20b5", "ampere", "8.0"),
        ("2236", "ampere", "8.6"),
        ("2684", "ada", "8.9"),
        ("2335", "hopper", "9.0"),
        ("2901", "blackwell", "10.0"),
        ("2bb5", "blackwell", "12.0"),
        ("2e03", "blackwell", "12.1"),
        ("3182", "blackwell", "10.3"),
    ],
)
def test_the_device_id_alone_gives_family_and_compute_capability(
    device: str, family: str, compute_capability: str
) -> None:
    (gpu,) = resolved(resolve(host(f"10de:{device}"), settings(), load())).accelerators
    assert (gpu.family, gpu.compute_capability) == (family, compute_capability)


def test_hwe_kernel_gets_the_hwe_flavour() -> None:
    assert resolved(resolve(host(H100, kernel=HWE), settings(), load())).kernel_flavour == "generic-hwe-22.04"


def test_secure_boot_is_fine_with_the_archives_signed_modules() -> None:
    resolved(resolve(host(RTX_3090, secure_boot=True), settings(), load()))


def test_branch_595_by_policy_brings_the_image_of_its_paired_cuda() -> None:
    target = resolved(resolve(host(RTX_5090), settings(nvidia_driver="595"), load()))
    assert target.driver == Driver("595", "open", "archive")
    assert target.image.reference == "pytorch/pytorch:2.14.1-cuda13.2-cudnn9-runtime"


def test_branch_595_on_volta_is_refused_naming_card_and_branch_that_would_do() -> None:
    refusal = resolve(host(V100), settings(nvidia_driver="595"), load())
    assert isinstance(refusal, Refusal)
    assert "Tesla V100" in refusal.reason and "595" in refusal.reason
    assert refusal.remedy == "set policy nvidia_driver to 580"


@pytest.mark.parametrize(
    ("branch", "why"),
    [
        ("535", "no security fixes since June 2026"),
        ("600", "the catalog has only"),
        ("470", "no security fixes since July 2024"),
        ("545", "no security fixes since October 2024"),
        ("575", "no security fixes since June 2026"),
        ("590", "no security fixes since branch 595 replaced it"),
        ("610", "no security fixes since August 2026"),
    ],
)
def test_a_branch_that_cannot_be_installed_is_refused_with_those_that_can(branch: str, why: str) -> None:
    refusal = resolve(host(RTX_3090), settings(nvidia_driver=branch), load())
    assert isinstance(refusal, Refusal)
    assert why in refusal.reason
    assert refusal.remedy.startswith("set policy nvidia_driver to 580 or 595")
    assert ("nvidia_driver_end_of_life: allow" in refusal.remedy) == (branch in ("535", "575", "590", "610"))


def test_branch_620_is_had_by_policy_alone_and_has_no_proprietary_modules() -> None:
    assert resolved(resolve(host(RTX_3090), settings(nvidia_driver="620"), load())).driver == Driver(
        "620", "open", "cuda"
    )
    refusal = resolve(host(GTX_1080_TI), settings(nvidia_driver="620"), load())
    assert isinstance(refusal, Refusal) and refusal.remedy == "set policy nvidia_driver to 580"


@pytest.mark.parametrize(
    ("branch", "last_day"),
    [("595", date(2027, 3, 24)), ("580", date(2028, 6, 30)), ("620", date(2029, 9, 30))],
)
def test_a_branch_is_refused_from_the_day_after_its_last_without_an_edit(branch: str, last_day: date) -> None:
    wanted = settings(nvidia_driver=branch)
    resolved(resolve(host(RTX_3090), wanted, load(last_day)))
    refusal = resolve(host(RTX_3090), wanted, load(last_day + timedelta(1)))
    assert isinstance(refusal, Refusal)
    assert f"no security fixes since {last_day:%B %Y}" in refusal.reason


def test_a_default_past_its_life_gives_way_to_a_branch_that_has_fixes() -> None:
    facts = load().of(NvidiaFacts).driver
    later = load(facts.branches["580"].end_of_life + timedelta(1))
    refusal = resolve(host(RTX_3090), settings(), later)  # 595 ended before it, and 620 is opt-in
    assert isinstance(refusal, Refusal) and "580 will not do" in refusal.reason
    assert later.of(NvidiaFacts).driver.branches["620"].state == "supported"


def test_no_host_is_provisioned_below_the_security_floor_of_its_branch() -> None:
    floors = {key: each.security_floor for key, each in load().of(NvidiaFacts).driver.branches.items()}
    wanted = {"580": "580.178.04", "595": "595.91.07", "610": "610.57.04", "615": "615.71.09"}
    assert {key: floors[key] for key in wanted} == wanted


def test_old_and_new_gpu_share_the_proprietary_modules_and_an_image_with_code_for_both() -> None:
    target = resolved(resolve(host(GTX_1080_TI, RTX_3090), settings(), load()))
    assert target.driver == Driver("580", "proprietary", "archive")
    assert target.image.reference == "pytorch/pytorch:2.14.1-cuda12.6-cudnn9-runtime"


def test_pascal_beside_blackwell_is_refused_naming_both() -> None:
    refusal = resolve(host(RTX_3090, GTX_1080_TI, RTX_5090), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "GTX 1080 Ti" in refusal.reason and "RTX 5090" in refusal.reason and "3090" not in refusal.reason


def test_kepler_is_refused() -> None:
    refusal = resolve(host(K40), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Kepler" in refusal.reason and "unsupported: cpu" in refusal.remedy


@pytest.mark.parametrize("old", [K40, "10de:128b", "10de:0dc4", "10de:05e0"])
@pytest.mark.parametrize("new", [RTX_3090, GTX_1080_TI, "10de:2684"])
def test_a_kepler_or_older_card_beside_a_usable_one_is_left_idle_as_the_driver_ignores_it(
    old: str, new: str
) -> None:
    target = resolved(resolve(host(old, new), settings(), load()))
    assert [gpu.pci_id for gpu in target.accelerators] == [new]
    assert sum(old in note and "idle" in note for note in target.notes) == 1


def test_a_card_that_the_driver_may_stumble_over_is_refused_beside_a_usable_one() -> None:
    refusal = resolve(host("10de:3000", RTX_3090), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Rubin" in refusal.reason and "RTX 3090" in refusal.reason


@pytest.mark.parametrize("device", ["2342", "2941", "2e12", "31c2"])
def test_a_gpu_of_arm_hosts_is_no_plan_for_another_host(device: str) -> None:
    refusal = resolve(host(f"10de:{device}", kernel=HWE), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "aarch64" in refusal.reason and f"10de:{device}" in refusal.reason


def test_kepler_beside_an_arc_is_left_idle() -> None:
    target = resolved(resolve(host(K40, ARC_A770, kernel=HWE), settings(), load()))
    assert target.vendor == "intel"
    assert any("Kepler" in note and "idle" in note for note in target.notes)


def test_unknown_device_is_refused_and_the_remedy_names_the_file_to_add_it_to() -> None:
    refusal = resolve(host("10de:ffff"), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "10de:ffff" in refusal.reason and "nvidia/families.yml" in refusal.remedy


def test_audio_and_usb_functions_of_a_card_are_no_accelerators() -> None:
    pci = (
        function(RTX_3090, 1),
        function("10de:1aef", 2, "040300"),
        function("10de:1ad8", 4, "0c0330"),
    )
    target = resolved(resolve(host(pci=pci), settings(), load()))
    assert len(target.accelerators) == 1 and target.lasting_notes == ()


def test_an_igpu_without_pytorch_support_is_noted_and_ignored() -> None:
    target = resolved(resolve(host(RTX_3090, UHD_770), settings(), load()))
    assert [gpu.pci_id for gpu in target.accelerators] == [RTX_3090]
    (note,) = target.lasting_notes
    assert "UHD Graphics 770" in note


@pytest.mark.parametrize(
    ("asked", "tag"),
    [
        ("2.14", "2.14.1-cuda13.0"),
        ("2.13", "2.13.0-cuda13.0"),
        ("2.9", "2.9.1-cuda12.8"),
        ("2.14.0", "2.14.1-cuda13.0"),
        ("2.10", "2.9.1-cuda12.8"),
        ("2.15", "2.14.1-cuda13.0"),
    ],
)
def test_policy_torch_gets_that_version_or_the_nearest_not_newer_one(asked: str, tag: str) -> None:
    target = resolved(resolve(host(RTX_3090), settings(torch=asked), load()))
    assert target.image.tag == f"{tag}-cudnn9-runtime"
    exact = target.image.tag.startswith(asked)
    assert exact or any(f"PyTorch {asked} has no image" in note for note in target.notes)


def test_policy_torch_older_than_any_lawful_image_is_refused_with_the_versions_that_work() -> None:
    refusal = resolve(host(RTX_5090), settings(torch="2.5"), load())
    assert isinstance(refusal, Refusal)
    assert "2.14.1" in refusal.remedy and "2.7.1" in refusal.remedy and "2.6.0" not in refusal.remedy


def test_an_nvswitch_is_told_by_its_pci_id_and_nvlink5_by_several_gpus_of_its_chips() -> None:
    switch = function("10de:22a3", 9, "068000")
    observed = host(H100)
    target = resolved(resolve(replace(observed, pci=(*observed.pci, switch)), settings(), load()))
    assert (target.fabric, target.driver) == ("nvswitch", Driver("580", "open", "archive"))
    assert resolved(resolve(host(B200), settings(), load())).fabric is None
    board = resolved(resolve(host(B200, B200), settings(), load()))
    assert (board.fabric, board.driver) == ("nvlink5", Driver("580", "open", "cuda"))


@pytest.mark.parametrize(("card", "switch"), [(V100, "1ac1"), ("10de:20b0", "1af1"), (H100, "22a3")])
def test_every_generation_of_nvswitches_gets_a_fabric_manager(card: str, switch: str) -> None:
    observed = host(card, card)
    behind = replace(observed, pci=(*observed.pci, function(f"10de:{switch}", 9, "068000")))
    assert resolved(resolve(behind, settings(), load())).fabric == "nvswitch"


def test_a_guest_with_shared_switches_gets_no_fabric_manager_where_its_policy_says_never() -> None:
    never = settings(fabric_manager="never")
    for observed in (host(B200, B200), host(H100, NVSWITCH)):
        target = resolved(resolve(observed, never, load()))
        assert target.fabric is None and target.driver == Driver("580", "open", "archive")
        assert any("fabric_manager: never" in note for note in target.notes)
    assert not any("fabric" in note for note in resolved(resolve(host(H100), never, load())).notes)


def test_nvlink5_from_the_archive_is_refused_as_nvlsm_is_not_there() -> None:
    refusal = resolve(host(B200, B200), settings(nvidia_source="archive"), load())
    assert isinstance(refusal, Refusal)
    assert "nvlsm" in refusal.reason and refusal.remedy == "set policy nvidia_source: cuda"


@pytest.mark.parametrize(
    ("version", "asked", "driver"),
    [
        ("22.04", {}, Driver("580", "open", "archive")),
        ("24.04", {}, Driver("580", "open", "archive")),
        ("24.04", {"nvidia_driver": "595"}, Driver("595", "open", "archive")),
        ("24.04", {"nvidia_driver": "620"}, Driver("620", "open", "cuda")),
        ("24.04", {"nvidia_source": "cuda"}, Driver("580", "open", "cuda")),
        (
            "24.04",
            {"nvidia_driver": "570", "nvidia_driver_end_of_life": "allow"},
            Driver("570", "open", "cuda"),
        ),
        (
            "22.04",
            {"nvidia_driver": "535", "nvidia_driver_end_of_life": "allow"},
            Driver("535", "proprietary", "cuda"),
        ),
    ],
)
def test_the_archive_is_the_source_where_it_has_the_branch(
    version: str, asked: dict[str, str], driver: Driver
) -> None:
    observed = host(RTX_3090, os_version=version, kernel=HWE)
    assert resolved(resolve(observed, settings(**asked), load())).driver == driver


def test_debian_12_has_its_driver_from_the_cuda_repository() -> None:
    target = resolved(resolve(debian(RTX_3090), settings(), load()))
    assert target.driver == Driver("580", "open", "cuda")
    assert target.kernel_flavour == "amd64"
    assert any("--gpus all" in note for note in target.notes)


def test_an_end_of_life_branch_that_the_policy_allows_is_noted() -> None:
    allowed = settings(nvidia_driver="570", nvidia_driver_end_of_life="allow")
    target = resolved(resolve(host(RTX_3090), allowed, load()))
    assert any("no security fixes since January 2026" in note for note in target.notes)
    assert target.image.tag == "2.14.1-cuda12.6-cudnn9-runtime"


def test_dkms_under_secure_boot_needs_an_enrolled_key() -> None:
    refusal = resolve(debian(RTX_3090, secure_boot=True), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Secure Boot" in refusal.reason and "mokutil" in refusal.remedy
    resolved(resolve(debian(RTX_3090, secure_boot=True), settings(machine_owner_key="enrolled"), load()))


def test_the_archive_is_chosen_over_a_source_that_secure_boot_forbids() -> None:
    refusal = resolve(host(RTX_3090, secure_boot=True), settings(nvidia_driver="620"), load())
    assert isinstance(refusal, Refusal)
    assert refusal.remedy.startswith("set policy nvidia_driver to 580 or 595, or turn Secure Boot off")


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("6.8.0-1021-aws", "aws"),
        ("5.15.0-1050-azure", "azure"),
        ("6.8.0-1010-gcp", "gcp"),
        ("5.15.0-1040-nvidia", "nvidia"),
        ("5.15.0-100-lowlatency", "lowlatency"),
        ("6.8.0-1005-oracle", "oracle"),
    ],
)
def test_a_cloud_kernel_gets_the_modules_of_its_flavour(kernel: str, flavour: str) -> None:
    assert resolved(resolve(host(H100, kernel=kernel), settings(), load())).kernel_flavour == flavour


def test_a_branch_that_stands_in_for_the_default_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "nvidia" / "driver.yml"
    file.write_text(file.read_text().replace('default_branch: "580"', 'default_branch: "620"'))
    catalog = load_from(folder, {name: vendor.facts for name, vendor in VENDORS.items()})
    target = resolved(resolve(host(RTX_3090, secure_boot=True), settings(), catalog))
    (branch,) = [reason for reason in target.reasons if reason.choice == "driver branch"]
    assert branch.answer == "595"
    assert branch.rule.startswith(
        "the default 620 will not do: its kernel module is built on the host (DKMS)"
    )


def test_why_a_target_was_chosen_makes_it_no_other_target() -> None:
    asked, default = (
        resolved(resolve(host(RTX_3090), settings(nvidia_driver=branch), load())) for branch in ("580", None)
    )
    assert asked == default and asked.reasons != default.reasons


def test_an_image_that_is_not_the_newest_says_why() -> None:
    old = settings(nvidia_driver="535", nvidia_driver_end_of_life="allow")
    target = resolved(resolve(host(GTX_1080_TI), old, load()))
    assert target.image.reference == "pytorch/pytorch:2.5.1-cuda12.1-cudnn9-runtime"
    assert target.reasons[-1].choice == "image"
    assert "newer ones are paired with a newer driver" in target.reasons[-1].rule
    default = resolved(resolve(host(GTX_1080_TI), settings(), load()))
    assert "newer ones" not in default.reasons[-1].rule
