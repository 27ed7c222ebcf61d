"""`xpulab explain`: the answer without any host, for people and for programs."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.sample_hosts import ARC_A770, ARC_B580, H100, K40, MAX_1100, NVSWITCH, RTX_3090, UHD_770, V100
from xpulab import command as cli
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.vendors import load_catalog as load
from xpulab.roles import BUILT_IN

APP = cli.build(BUILT_IN)


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
    assert "nvidia-container-toolkit=1.20.1-1" in target["packages"]
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
        ("--kernel", "6.5.0-1-xanmod"),
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
def test_a_thousand_different_ids_cost_no_more_than_writing_json_of_300_000_records() -> None:
    catalog = load()
    ids = [
        f"10de:{number:04x}"
        for family in catalog.of(NvidiaFacts).families.values()
        for chips in family.chips
        for number in range(int(chips.first, 16), int(chips.last, 16) + 1)
        if not family.unsupported
    ][:1000]
    assert len(ids) == 1000
    # Of this process alone, and beside something of known cost: machines differ, and others may be busy.
    before = time.process_time()
    json.dumps([{"a": number, "b": [number] * 5} for number in range(100_000)], indent=1)
    written = time.process_time()
    result = run("--each", stdin="\n".join(ids))
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 1000
    assert time.process_time() - written < 3 * (written - before)


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


def test_without_ids_it_is_a_host_without_accelerator() -> None:
    target = answer()["target"]
    assert (target["vendor"], target["accelerators"], target["driver"]) == ("cpu", [], None)
    page = run("--os", "debian-12")
    assert page.exit_code == 0 and page.stdout.startswith(
        "no accelerator on debian-12, kernel 6.1.0-1-amd64\n"
    )
    assert " ".join(target["packages"]) in page.stdout and target["image"] in page.stdout


def test_each_of_no_ids_is_no_answer() -> None:
    result = run("--each", stdin="\n")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    "arguments", [(RTX_3090, "--prefer", "amd"), (RTX_3090, "--torch", "new"), ("--os",), ("--colour",)]
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


COMMAND = (sys.executable, "-c", "from xpulab.command import main; main()", "explain")
ON_UBUNTU = (RTX_3090, UHD_770, "--os", "ubuntu-24.04")


def in_a_terminal(columns: int, *arguments: str) -> str:
    """What a terminal so wide shows."""
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 25, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        env={**environment, "TERM": "xterm"},
    ) as running:
        os.close(terminal)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert running.returncode == 0
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # a terminal ends so when its last writer is gone
        return b""


def test_into_a_pipe_every_line_is_whole_however_narrow_the_terminal_is_said_to_be() -> None:
    narrow = {**os.environ, "COLUMNS": "40", "TERM": "xterm"}
    page = subprocess.run(
        [*COMMAND, *ON_UBUNTU], capture_output=True, text=True, env=narrow, check=True
    ).stdout
    (packages,) = [line.split()[1:] for line in page.splitlines() if line.startswith("packages")]
    assert packages == answer(*ON_UBUNTU)["target"]["packages"]
    ampere = load().of(NvidiaFacts).families["ampere"]
    for vendors_words in (ampere.source, load().docker["docker.io"].source):
        assert f" {vendors_words} (read " in page
    assert not any(line.endswith(" ") for line in page.splitlines()) and "\x1b" not in page


def test_a_terminal_gets_lines_that_fit_it_and_are_broken_between_words_alone() -> None:
    shown = in_a_terminal(72, *ON_UBUNTU)
    assert "\x1b[" in shown
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    too_long = [line for line in lines if len(line) > 72]
    assert too_long and all(len(line.split()) == 1 and line.startswith(" " * 19) for line in too_long)
    whole = run(*ON_UBUNTU).stdout
    assert len(lines) > len(whole.splitlines())
    assert " ".join(lines).split() == whole.split()
