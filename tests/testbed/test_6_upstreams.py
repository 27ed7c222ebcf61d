"""`xpulab check-upstreams` against the testbed's upstream, which answers under the vendors' names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.testbed.lab import ROOT, lab_file

SYSTEM = "ubuntu-22.04"


def check_upstreams(lab: Path) -> subprocess.CompletedProcess[str]:
    address = subprocess.run(
        [
            "docker",
            "inspect",
            "--format",
            "{{.NetworkSettings.Networks.xpulab.IPAddress}}",
            "xpulab-upstream",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return subprocess.run(
        [
            *[str(Path(sys.executable).with_name("xpulab")), "check-upstreams", "--os", SYSTEM],
            *["--lab", str(lab), "--connect-to", address],
            *["--certificate-authority", str(ROOT / ".testbed" / "keys" / "ca.crt")],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def states(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], str]:
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines()]
    return {(row[0], row[1]): row[2] for row in rows if len(row) == 4 and row[0]}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab_file(tmp_path_factory.mktemp("lab"), "cpu1")


def test_every_key_of_the_lab_is_sound(lab: Path) -> None:
    done = check_upstreams(lab)
    keys = {name: state for (kind, name), state in states(done).items() if kind == "apt key"}
    assert set(keys) >= {"nvidia-container-toolkit", "intel-gpu", "intel-oneapi", "docker"}, done.stderr
    assert set(keys.values()) == {"sound"}, done.stdout


def test_every_image_and_package_is_sound_but_for_kernels_and_suites_that_the_testbed_lacks(
    lab: Path,
) -> None:
    found = states(check_upstreams(lab))
    lacking = re.compile(r"-(aws|azure|gcp|oracle|nvidia|lowlatency.*)$|jammy-(updates|security)$")
    rotten = {name for (_, name), state in found.items() if state == "rotten" and not lacking.search(name)}
    assert rotten == set()
    assert found["package", "nvidia-container-toolkit"] == "sound"
    assert found["image", "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"] == "sound"


def test_a_rotten_entry_is_found_and_told_by_the_exit_status(lab: Path, tmp_path: Path) -> None:
    content = yaml.safe_load(lab.read_text())
    content["repositories"]["docker"] = {"fingerprints": ["A" * 40]}
    rotten = tmp_path / "lab.yml"
    rotten.write_text(yaml.safe_dump(content))
    done = check_upstreams(rotten)
    assert states(done)["apt key", "docker"] == "rotten"
    assert done.returncode == 1
