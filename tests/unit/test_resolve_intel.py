"""Intel hosts: kernel, one channel, image, or a refusal that says what would do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.sample_hosts import (
    ARC_A770,
    ARC_B580,
    BACKPORTS,
    FLEX_170,
    GA,
    HWE,
    MAX_1100,
    NOBLE_HWE,
    RTX_3090,
    UHD_770,
    debian,
    function,
    host,
    noble,
    resolved,
    settings,
)
from xpulab.probing.observed import Observed, PciFunction
from xpulab.resolving.resolve import resolve
from xpulab.resolving.target import Beside, Driver, KernelUpgrade
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal


def test_arc_a_on_the_hwe_kernel_gets_the_unified_channel_and_its_in_tree_driver() -> None:
    target = resolved(resolve(host(ARC_A770, kernel=HWE), settings(), load()))
    assert target.vendor == "intel"
    assert target.driver == Driver("unified", "in-tree")
    assert target.image.reference == "intel/pytorch:xpu-2.13.0-ubuntu24.04"
    assert target.kernel_flavour == "generic-hwe-22.04"
    assert any("does not validate" in note for note in target.notes)


@pytest.mark.parametrize(
    ("observed", "upgrade"),
    [
        (host(ARC_A770), KernelUpgrade("linux-generic-hwe-22.04", "6.2", "generic-hwe-22.04")),
        (noble(ARC_B580), KernelUpgrade("linux-generic-hwe-24.04", "6.12", "generic-hwe-24.04")),
        (
            noble("8086:e223", kernel="6.14.0-30-generic"),
            KernelUpgrade("linux-generic-hwe-24.04", "6.17", "generic-hwe-24.04"),
        ),
        (debian(ARC_A770), KernelUpgrade("linux-image-amd64", "6.2", "amd64", "debian-backports")),
        (noble(ARC_A770), None),
        (noble(ARC_B580, kernel=NOBLE_HWE), None),
        (debian(ARC_A770, kernel=BACKPORTS), None),
    ],
)
def test_a_card_that_needs_a_newer_kernel_of_its_system_gets_it(
    observed: Observed, upgrade: KernelUpgrade | None
) -> None:
    target = resolved(resolve(observed, settings(), load()))
    assert target.kernel_upgrade == upgrade
    if upgrade:
        assert target.kernel_flavour == upgrade.flavour
        assert any(upgrade.package in note for note in target.notes)


def test_a_lowlatency_kernel_is_its_owners_choice_and_is_not_replaced() -> None:
    refusal = resolve(host(ARC_A770, kernel="5.15.0-100-lowlatency"), settings(), load())
    assert isinstance(refusal, Refusal)
    assert refusal.remedy == "apt install linux-lowlatency-hwe-22.04, reboot into that kernel, and run again"


def test_ubuntu_2404_has_the_ppa_for_clients_and_lts_2523_for_max() -> None:
    arc = resolved(resolve(noble(ARC_B580, kernel=NOBLE_HWE), settings(), load()))
    assert arc.driver == Driver("ppa", "in-tree")
    assert arc.image.reference == "intel/pytorch:xpu-2.13.0-ubuntu24.04"
    assert resolved(resolve(noble(MAX_1100), settings(), load())).driver == Driver("lts/2523", "dkms")
    assert isinstance(resolve(noble(MAX_1100, kernel=NOBLE_HWE), settings(), load()), Refusal)


def test_arc_a_on_debian_12_has_all_user_space_in_its_image() -> None:
    target = resolved(resolve(debian(ARC_A770), settings(), load()))
    assert target.driver == Driver("distribution", "in-tree")
    assert any("in the image" in note for note in target.notes)


@pytest.mark.parametrize("card", [ARC_B580, MAX_1100, FLEX_170, "8086:7d55"])
def test_other_intel_gpus_are_refused_on_debian_12_naming_a_system_that_serves_them(card: str) -> None:
    refusal = resolve(debian(card, kernel=BACKPORTS), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "install Ubuntu" in refusal.remedy


def test_prefer_both_installs_both_drivers_and_the_nvidia_image() -> None:
    target = resolved(resolve(host(RTX_3090, ARC_A770), settings(prefer="both"), load()))
    assert (target.vendor, target.driver) == ("nvidia", Driver("580", "open", "archive"))
    assert target.beside == Beside("intel", Driver("unified", "in-tree"))
    assert [gpu.pci_id for gpu in target.accelerators] == [RTX_3090, ARC_A770]
    assert target.kernel_flavour == "generic-hwe-22.04" and target.kernel_upgrade
    assert target.image.repository == "pytorch/pytorch"
    assert any("docker pull intel/pytorch" in note for note in target.notes)
    assert not any("idle" in note for note in target.notes)


def test_prefer_both_is_refused_with_one_vendor_alone_as_a_way_out() -> None:
    refusal = resolve(host(RTX_3090, ARC_B580, kernel=HWE), settings(prefer="both"), load())
    assert isinstance(refusal, Refusal)
    assert "B580" in refusal.reason and "prefer: nvidia" in refusal.remedy


def test_prefer_both_with_one_vendor_is_an_ordinary_host() -> None:
    target = resolved(resolve(host(RTX_3090), settings(prefer="both"), load()))
    assert target.beside is None and target.vendor == "nvidia"


@pytest.mark.parametrize("device", ["e20b", "e212", "64a0", "b080"])
def test_xe_gpus_are_refused_on_2204_naming_the_systems_that_drive_them(device: str) -> None:
    refusal = resolve(host(f"8086:{device}", kernel=HWE), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "xe driver" in refusal.reason
    assert "Ubuntu 24.04." in refusal.remedy and "Ubuntu 26.04" in refusal.remedy


def test_max_on_the_ga_kernel_gets_the_lts_channel_with_dkms_and_its_legacy_image() -> None:
    target = resolved(resolve(host(MAX_1100), settings(), load()))
    assert target.driver == Driver("lts/2523", "dkms")
    assert target.image.reference == "intel/intel-extension-for-pytorch:2.8.10-xpu"
    assert any("archived" in note for note in target.notes)


@pytest.mark.parametrize("card", [ARC_A770, ARC_B580])
def test_arc_gets_the_archived_image_with_its_warning_where_policy_asks_for_pytorch_2_8(card: str) -> None:
    target = resolved(resolve(noble(card), settings(torch="2.8"), load()))
    assert target.image.reference == "intel/intel-extension-for-pytorch:2.8.10-xpu"
    assert any("known security issues" in note for note in target.notes)


@pytest.mark.parametrize("card", [ARC_A770, ARC_B580])
def test_arc_without_a_word_on_pytorch_never_gets_the_archived_image(card: str) -> None:
    target = resolved(resolve(noble(card), settings(), load()))
    assert target.image.repository == "intel/pytorch"
    assert not any("archived" in note for note in target.notes)


def test_flex_gets_the_last_image_that_lists_it() -> None:
    target = resolved(resolve(host(FLEX_170), settings(), load()))
    assert target.driver == Driver("lts/2523", "dkms")
    assert target.image.reference == "intel/intel-extension-for-pytorch:2.6.10-xpu"


def test_max_on_the_hwe_kernel_is_refused_with_the_ga_kernel_as_remedy() -> None:
    refusal = resolve(host(MAX_1100, kernel=HWE), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "5.15" in refusal.reason and "apt install linux-generic," in refusal.remedy


def test_max_under_secure_boot_is_refused_as_its_module_is_built_on_the_host() -> None:
    refusal = resolve(host(MAX_1100, secure_boot=True), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Secure Boot" in refusal.reason and "Secure Boot" in refusal.remedy


def test_arc_under_secure_boot_is_fine() -> None:
    resolved(resolve(host(ARC_A770, kernel=HWE, secure_boot=True), settings(), load()))


def test_channel_2350_is_an_opt_in_by_policy() -> None:
    target = resolved(resolve(host(MAX_1100), settings(intel_channel="lts/2350"), load()))
    assert target.driver == Driver("lts/2350", "dkms")


@pytest.mark.parametrize(
    ("card", "kernel", "asked", "would_do"),
    [
        (ARC_A770, HWE, "lts/2350", "unified"),
        (ARC_A770, HWE, "lts/2523", "unified"),
        (MAX_1100, GA, "unified", "lts/2523 or lts/2350"),
    ],
)
def test_a_channel_that_does_not_serve_the_card_is_refused_with_those_that_do(
    card: str, kernel: str, asked: str, would_do: str
) -> None:
    refusal = resolve(host(card, kernel=kernel), settings(intel_channel=asked), load())
    assert isinstance(refusal, Refusal)
    assert refusal.remedy == f"set policy intel_channel to {would_do}, or leave it out"


def test_max_beside_arc_is_refused_as_channels_never_mix() -> None:
    refusal = resolve(host(MAX_1100, ARC_A770), settings(), load())
    assert isinstance(refusal, Refusal)
    assert "Max 1100" in refusal.reason and "A770" in refusal.reason


def test_prefer_decides_between_two_usable_vendors_and_the_other_is_left_idle() -> None:
    both = host(RTX_3090, ARC_A770, kernel=HWE)
    nvidia = resolved(resolve(both, settings(), load()))
    intel = resolved(resolve(both, settings(prefer="intel"), load()))
    assert (nvidia.vendor, intel.vendor) == ("nvidia", "intel")
    assert any("A770" in note and "idle" in note for note in nvidia.notes)
    assert any("3090" in note and "idle" in note for note in intel.notes)


def test_prefer_intel_on_a_host_without_intel_accelerators_takes_nvidia() -> None:
    target = resolved(resolve(host(RTX_3090, UHD_770), settings(prefer="intel"), load()))
    assert target.vendor == "nvidia"


def test_an_igpu_without_pytorch_support_alone_makes_a_cpu_host() -> None:
    target = resolved(resolve(host(UHD_770), settings(), load()))
    assert target.vendor == "cpu" and "UHD Graphics 770" in target.notes[0]


def test_meteor_lake_needs_the_hwe_kernel_and_arrow_lake_h_a_later_system() -> None:
    assert resolved(resolve(host("8086:7d55", kernel=HWE), settings(), load())).vendor == "intel"
    assert resolved(resolve(host("8086:7d67", kernel=HWE), settings(), load())).vendor == "intel"
    assert isinstance(resolve(host("8086:7d51", kernel=HWE), settings(), load()), Refusal)


def test_a_preview_gpu_is_refused() -> None:
    refusal = resolve(host("8086:674c", kernel=HWE), settings(), load())
    assert isinstance(refusal, Refusal) and "preview" in refusal.reason


def test_unknown_intel_display_device_is_refused_and_an_unknown_npu_ignored() -> None:
    refusal = resolve(host("8086:ffff"), settings(), load())
    assert isinstance(refusal, Refusal) and "intel/devices.yml" in refusal.remedy
    target = resolved(resolve(host(pci=(function("8086:7d1d", 1, "120000"),)), settings(), load()))
    assert target.vendor == "cpu" and "8086:7d1d" in target.notes[0]


def test_what_debians_backports_cost_is_said() -> None:
    for observed in (debian(ARC_A770), debian(ARC_A770, kernel=BACKPORTS)):
        notes = resolved(resolve(observed, settings(), load())).notes
        assert sum("23 stable updates older" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("observed", "note"),
    [
        (noble("8086:b080", kernel=NOBLE_HWE), "PyTorch lists Panther Lake on Ubuntu 26.04 LTS, and not on"),
        (noble(MAX_1100), "PyTorch lists Data Center GPU Max on Ubuntu 22.04 LTS, and not on"),
        (host(MAX_1100), None),
        (noble(ARC_B580, kernel=NOBLE_HWE), None),
    ],
)
def test_a_card_that_pytorch_lists_on_other_systems_alone_is_noted(
    observed: Observed, note: str | None
) -> None:
    said = [each for each in resolved(resolve(observed, settings(), load())).notes if "PyTorch lists" in each]
    assert [each.startswith(note or "") for each in said] == ([True] if note else [])


def integrated(pci_id: str) -> PciFunction:
    return replace(function(pci_id), address="0000:00:02.0")


@pytest.mark.parametrize("device", ["ffff", "0412", "0102", "d7ff"])
def test_a_processors_own_gpu_of_an_unknown_or_old_id_stands_in_no_cards_way(device: str) -> None:
    own = integrated(f"8086:{device}")
    alone = resolved(resolve(host(pci=(own,)), settings(), load()))
    beside = resolved(resolve(host(pci=(own, function(RTX_3090, 1))), settings(), load()))
    arc = resolved(resolve(host(pci=(own, function(ARC_A770, 1)), kernel=HWE), settings(), load()))
    assert [each.vendor for each in (alone, beside, arc)] == ["cpu", "nvidia", "intel"]
    assert all(sum(f"8086:{device}" in note for note in each.notes) == 1 for each in (alone, beside, arc))
    assert [gpu.pci_id for gpu in arc.accelerators] == [ARC_A770]


@pytest.mark.parametrize("device", ["0102", "0152", "0162", "0412", "0416", "041a", "0a16", "0d22", "0f31"])
def test_old_gpus_are_known_and_harmless_wherever_they_are_described(device: str) -> None:
    target = resolved(resolve(host(RTX_3090, f"8086:{device}"), settings(), load()))
    assert target.vendor == "nvidia" and any("does not support" in note for note in target.notes)


@pytest.mark.parametrize("own", ["8086:7d55", "8086:7d67", "8086:64a0", "8086:b080"])
@pytest.mark.parametrize("card", [ARC_A770, ARC_B580])
def test_an_integrated_gpu_beside_a_card_is_idle_and_no_accelerator_of_the_host(own: str, card: str) -> None:
    pci = (integrated(own), function(card, 3))
    target = resolved(resolve(noble(pci=pci, kernel=NOBLE_HWE), settings(), load()))
    assert [gpu.pci_id for gpu in target.accelerators] == [card]
    assert sum(own in note and "idle" in note for note in target.notes) == 1
    alone = resolved(resolve(noble(pci=pci[:1], kernel=NOBLE_HWE), settings(), load()))
    assert [gpu.pci_id for gpu in alone.accelerators] == [own]


def test_an_integrated_gpu_asks_nothing_of_the_kernel_or_channel_of_a_card() -> None:
    pci = (integrated("8086:b080"), function(ARC_A770, 3))
    target = resolved(resolve(host(pci=pci, kernel=HWE), settings(), load()))
    assert target.driver == Driver("unified", "in-tree") and target.kernel_upgrade is None


def test_unsupported_cpu_turns_a_battlemage_host_into_a_cpu_host() -> None:
    target = resolved(resolve(host(ARC_B580, kernel=HWE), settings(unsupported="cpu"), load()))
    assert target.vendor == "cpu" and target.accelerators == ()
    assert any("B580" in note for note in target.notes)
