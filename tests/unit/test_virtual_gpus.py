"""Virtual GPUs of NVIDIA: they bear the device id of the card, and only their subsystem tells them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from xpulab.resolving.nvidia.entries import VirtualSubsystems
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.vendors import load_catalog as load

FACTS = load().of(NvidiaFacts)
RANGES = FACTS.virtual_gpus.subsystems.devices
PROFILES = {
    ("13f2", "114c"): "M60-0Q",
    ("13f2", "1150"): "M60-8Q",
    ("1eb8", "1309"): "T4-1B",
    ("1eb8", "1315"): "T4-16A",
    ("20f1", "160e"): "A100-1-5CME",
    ("2236", "14b6"): "A10-1B",
    ("2236", "14bb"): "A10-4Q, as seen on Azure",
    ("2236", "14cb"): "A10-24",
    ("2236", "14d0"): "A10-4C",
    ("2236", "14d4"): "A10-24C",
    ("2236", "2207"): "A10-3B",
    ("2237", "162a"): "A10G-1B",
    ("27b8", "172f"): "L4-1B",
    ("27b8", "174d"): "L4-24C",
    ("3182", "22d2"): "B300X-269C",
}
BOARDS = {
    ("13bd", "1160"): "Tesla M10",
    ("1db1", "1307"): "Tesla V100-SXM2-16GB-LS",
    ("1e30", "129e"): "Quadro RTX 8000",
    ("1eb8", "12a2"): "Tesla T4",
    ("20b2", "1622"): "A100-SXM4-80GB, between two ranges",
    ("2230", "1459"): "RTX A6000",
    ("2236", "1482"): "A10",
    ("2237", "152f"): "A10G",
    ("2330", "16c1"): "H100 80GB HBM3",
    ("26b9", "1851"): "L40S",
    ("27b8", "16ee"): "L4",
    ("2901", "1999"): "B200",
    ("2bb5", "220b"): "RTX Pro 6000 Blackwell",
}


@pytest.mark.parametrize(("device", "subsystem"), PROFILES, ids=PROFILES.values())
def test_a_subsystem_with_a_profile_is_a_virtual_gpu(device: str, subsystem: str) -> None:
    assert FACTS.is_virtual(device, f"10de:{subsystem}")


@pytest.mark.parametrize(("device", "subsystem"), BOARDS, ids=BOARDS.values())
def test_a_board_of_nvidias_is_physical(device: str, subsystem: str) -> None:
    assert not FACTS.is_virtual(device, f"10de:{subsystem}")


@pytest.mark.parametrize(
    ("device", "subsystem"), [("26b1", "1028:16a1"), ("2236", "1028:14bb"), ("2230", "103c:1500")]
)
def test_a_board_of_another_vendor_is_physical_whatever_its_id(device: str, subsystem: str) -> None:
    assert not FACTS.is_virtual(device, subsystem)


@pytest.mark.parametrize(
    ("device", "subsystem"),
    [("2236", ""), ("2236", "14bb"), ("2236", "10de:"), ("2684", "10de:14bb"), ("", "10de:14bb")],
)
def test_a_function_of_which_nothing_is_known_is_physical(device: str, subsystem: str) -> None:
    assert not FACTS.is_virtual(device, subsystem)


def test_the_ids_just_outside_a_range_are_not_in_it() -> None:
    for device, ranges in RANGES.items():
        inside = {board for first, last in ranges for board in range(int(first, 16), int(last, 16) + 1)}
        for board in inside:
            assert FACTS.is_virtual(device, f"10de:{board:04x}")
        for board in {edge + step for edge in inside for step in (-1, 1)} - inside:
            assert not FACTS.is_virtual(device, f"10de:{board:04x}")


@given(st.sampled_from(sorted(RANGES)), st.integers(0, 0xFFFF))
def test_no_id_outside_the_ranges_is_virtual(device: str, board: int) -> None:
    within = any(int(first, 16) <= board <= int(last, 16) for first, last in RANGES[device])
    assert FACTS.is_virtual(device, f"10de:{board:04x}") == within


@given(st.integers(0, 0xFFFF))
@example(0x10DE)
def test_only_nvidias_subsystems_are_virtual(vendor: int) -> None:
    assert FACTS.is_virtual("2236", f"{vendor:04x}:14bb") == (vendor == 0x10DE)


def test_virtual_gpus_bear_the_device_id_of_a_known_chip() -> None:
    assert [device for device in RANGES if FACTS.chips_of(device) is None] == []


def test_the_table_is_as_long_as_its_source() -> None:
    """Devices, ranges, and rows with a profile: one id lost or won in a copy changes the sum."""
    sizes = [int(last, 16) - int(first, 16) + 1 for ranges in RANGES.values() for first, last in ranges]
    assert (len(RANGES), len(sizes), sum(sizes)) == (65, 219, 1497)


@pytest.mark.parametrize(
    ("ranges", "rule"),
    [
        ([["14cb", "14b6"]], "2236: first 14cb lies behind last 14b6"),
        ([["14b6", "14cb"], ["14cb", "14d4"]], "2236: range from 14cb must begin behind 14cb"),
        ([["14d0", "14d4"], ["14b6", "14cb"]], "2236: range from 14b6 must begin behind 14d4"),
        ([["14b6", "14b"]], "should match pattern"),
        ([["14B6", "14CB"]], "should match pattern"),
        ([[1482, 1482]], "should be a valid string"),
        ([], "at least 1 item"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(ranges: list[list[object]], rule: str) -> None:
    entry = {
        "source": "https://nvidia.example/table",
        "as_of": date(2026, 11, 27),
        "vendor": "10de",
        "devices": {"2236": ranges},
    }
    with pytest.raises(ValidationError, match=rule):
        VirtualSubsystems.model_validate(entry)
