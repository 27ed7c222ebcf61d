"""`xpulab explain`: the answer without any host, for people and for programs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.sample_hosts import ARC_A770, ARC_B580, H100, K40, MAX_1100, NVSWITCH, RTX_3090, UHD_770, V100
from xpulab.catalog import load
from xpulab.explaining import command as cli
from xpulab.roles import desired

APP = cli.build(desired)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(APP, ["explain", *arguments], input=stdin)


def answer(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {"target", "refusal"} and (found["target"] is None) != (found["refusal"] is None)
    return dict(found)


def test_ids_given_together_are_one_host_and_json_has_the_documented_shape() -> None:
    target = answer(RTX_3090, UHD_770, "--os", "ubuntu-22.04", "--kernel", "5.15.0-161-generic")["target"]
    assert target["accelerators"] == [
        {
            "pci_id": "10de:2204",
            "name": "NVIDIA GeForce RTX 3090",
            "family": "ampere",
            "compute_capability": "8.6",
        }
    ]
    assert target["vendor"] == "nvidia"
    assert target["driver"] == {"branch": "580", "modules": "open"}
    assert target["kernel"] == "5.15.0-161-generic"
    assert target["repositories"] == ["nvidia-container-toolkit"]
    assert "linux-modules-nvidia-580-server-open-generic" in target["packages"]
    assert "nvidia-container-toolkit=1.20.0-1" in target["packages"]
    assert target["image"] == "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"
    assert any("UHD Graphics 770" in note for note in target["notes"])


def test_the_page_says_what_why_and_where_from() -> None:
    page = " ".join(run(RTX_3090, "--nvidia-driver", "595").stdout.split())
    for words in (
        "NVIDIA GeForce RTX 3090",
        "device id 2204 lies between 2200 and 223f (GA102)",
        "policy asks for it; Production branch, end of life March 2027",
        "open where every GPU allows it",
        "CUDA 13.2",
        "https://docs.nvidia.com/",
        "read 2026-11-22",
        "nvidia-utils-595-server",
    ):
        assert words in page, words


def test_a_refusal_is_an_answer() -> None:
    refusal = answer(V100, "--nvidia-driver", "595")["refusal"]
    assert "Tesla V100" in refusal["reason"] and "580" in refusal["remedy"]
    page = run(K40)
    assert page.exit_code == 0 and "Kepler" in page.stdout and "unsupported: cpu" in page.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--os", "ubuntu-18.04"),
        ("--os", "plan9"),
        ("--os", ""),
        ("--kernel", "6.5.0-1-generic"),
        ("--kernel", ""),
    ],
)
def test_an_unsupported_system_or_kernel_is_a_refusal_like_any_other(arguments: tuple[str, str]) -> None:
    refusal = answer(RTX_3090, *arguments)["refusal"]
    assert refusal["reason"] and refusal["remedy"]


@pytest.mark.parametrize(
    "unknown", ["10de:ffff", "8086:ffff", "abcd:0001", "10de:1aef", "nonsense", "10de:22g4"]
)
def test_an_unknown_id_exits_3_and_is_named(unknown: str) -> None:
    result = run(RTX_3090, unknown, "--json")
    assert result.exit_code == 3
    assert unknown in result.stderr and RTX_3090 not in result.stderr


def test_each_answers_every_line_of_standard_input_in_order_even_the_unknown_ones() -> None:
    result = run("--each", stdin="10de:2204\n10de:ffff\n8086:56a0\n10de:2204\n")
    assert result.exit_code == 3 and "10de:ffff" in result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["pci_id"] for line in lines] == ["10de:2204", "10de:ffff", "8086:56a0", "10de:2204"]
    assert [bool(line["target"]) for line in lines] == [True, False, True, True]
    assert lines[1]["refusal"]["remedy"]


def test_each_with_ids_as_arguments_treats_every_one_as_a_host() -> None:
    result = run("--each", RTX_3090, ARC_A770)
    assert result.exit_code == 0
    assert [json.loads(line)["target"]["vendor"] for line in result.stdout.splitlines()] == [
        "nvidia",
        "intel",
    ]


@pytest.mark.no_cover
def test_a_thousand_different_ids_take_two_seconds_at_most() -> None:
    catalog = load()
    ids = [
        f"10de:{number:04x}"
        for family in catalog.nvidia_families.values()
        for chips in family.chips
        for number in range(int(chips.first, 16), int(chips.last, 16) + 1)
        if not family.unsupported
    ][:1000]
    assert len(ids) == 1000
    before = time.process_time()  # of this process alone: others may be busy
    result = run("--each", stdin="\n".join(ids))
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 1000
    assert time.process_time() - before < 2


def test_ids_may_be_written_in_capitals() -> None:
    assert answer("8086:E20B", "--os", "ubuntu-24.04", "--kernel", "6.17.0-20-generic")["target"]


def test_without_a_kernel_the_systems_own_is_meant_and_an_upgrade_names_its_package() -> None:
    assert answer(ARC_B580, "--os", "ubuntu-24.04")["target"]["kernel"] == "linux-generic-hwe-24.04"
    assert answer(ARC_B580, "--os", "ubuntu-22.04")["refusal"]


def test_secure_boot_and_policy_reach_the_resolver() -> None:
    assert answer(MAX_1100, "--secure-boot")["refusal"]
    assert answer(MAX_1100, "--secure-boot", "--machine-owner-key", "enrolled")["target"]
    assert answer(K40, "--unsupported", "cpu")["target"]["vendor"] == "cpu"
    assert answer(RTX_3090, ARC_A770, "--prefer", "intel")["target"]["vendor"] == "intel"
    assert "2.9.1" in answer(RTX_3090, "--torch", "2.9")["target"]["image"]
    assert "nvidia-cuda" in answer(RTX_3090, "--nvidia-source", "cuda")["target"]["repositories"]


def test_an_nvswitch_among_the_ids_calls_for_a_fabric_manager() -> None:
    target = answer(H100, NVSWITCH)["target"]
    assert len(target["accelerators"]) == 1
    assert "nvidia-fabricmanager-580" in target["packages"]


@pytest.mark.parametrize(
    "arguments", [(), ("--each",), (RTX_3090, "--prefer", "amd"), (RTX_3090, "--torch", "new")]
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, stdin="")
    assert result.exit_code == 2 and result.stderr


@pytest.mark.parametrize("system", ["ubuntu-22.04", "ubuntu-24.04", "debian-12"])
def test_every_page_can_be_written(system: str) -> None:
    for card in (RTX_3090, V100, "10de:2901", ARC_A770, MAX_1100, "1a03:2000"):
        for more in ((), ("--unsupported", "cpu"), ("--nvidia-source", "cuda")):
            assert run(card, card, "--os", system, *more).exit_code == 0
    assert run(RTX_3090, ARC_A770, "--os", system, "--prefer", "both").exit_code == 0
