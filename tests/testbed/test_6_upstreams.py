"""`xpulab check-upstreams` against the testbed's upstream, which answers under the vendors' names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.testbed.lab import ROOT, lab_file
from tests.unit.rotten_entries import ENTRIES, EXPIRED_KEY, SYSTEMS
from xpulab.catalog import HERE

SYSTEM = "ubuntu-22.04"
ROTTEN_PORT = 8443
"""Where upstream answers as the vendors' servers do once the catalog has rotted."""


def check_upstreams(lab: Path, *options: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
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
            *[str(Path(sys.executable).with_name("xpulab")), "check-upstreams", *options],
            *["--lab", str(lab), "--connect-to", f"{address}:{port}" if port else address],
            *["--certificate-authority", str(ROOT / ".testbed" / "keys" / "ca.crt")],
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The table's rows: what, name, state, found. A name of several lines is put together."""
    found: list[list[str]] = []
    for line in done.stdout.splitlines():
        cells = [cell.strip() for cell in line.split("│")]
        if len(cells) == 4 and cells[0]:
            found.append(cells)
        elif len(cells) == 4 and found:
            found[-1] = [f"{before} {more}".strip() for before, more in zip(found[-1], cells, strict=True)]
    return found


def states(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], str]:
    return {(kind, name): state for kind, name, state, _ in rows(done)}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab_file(tmp_path_factory.mktemp("lab"), "cpu1")


@pytest.fixture(scope="module")
def sound(lab: Path) -> subprocess.CompletedProcess[str]:
    return check_upstreams(lab, "--os", SYSTEM)


def test_every_key_of_the_lab_is_sound(sound: subprocess.CompletedProcess[str]) -> None:
    keys = {name: state for (kind, name), state in states(sound).items() if kind == "apt key"}
    assert set(keys) >= {"nvidia-container-toolkit", "intel-gpu", "intel-oneapi", "docker"}, sound.stderr
    assert set(keys.values()) == {"sound"}, sound.stdout


def test_everything_is_sound_but_for_kernels_and_suites_that_the_testbed_lacks(
    sound: subprocess.CompletedProcess[str],
) -> None:
    found = states(sound)
    lacking = re.compile(r"-(aws|azure|gcp|oracle|nvidia|lowlatency.*)\)?$|jammy-(updates|security)$")
    rotten = {name for (_, name), state in found.items() if state == "rotten" and not lacking.search(name)}
    assert rotten == set()
    assert "unchecked" not in found.values()
    assert found["package", "nvidia-container-toolkit"] == "sound"
    assert found["image", "pytorch/pytorch:2.14.1-cuda13.0-cudnn9-runtime"] == "sound"
    assert found["newest PyTorch", "images.yml: pytorch/pytorch > tags"] == "sound"
    assert found["security floor", "nvidia/driver.yml: branches > 580 > security_floor"] == "sound"


def test_the_firmware_is_in_the_package_that_the_lists_of_files_name(lab: Path) -> None:
    done = check_upstreams(lab, "--os", "debian-12", "--only", "deb.debian.org")
    firmware = [row for row in rows(done) if row[0] == "firmware file"]
    assert [row[2:] for row in firmware] == [
        ["sound", "lib/firmware/i915/dg2_guc_70.bin is in firmware-intel-graphics"]
    ], done.stderr


def test_a_key_that_was_replaced_is_found_and_told_by_the_exit_status(lab: Path, tmp_path: Path) -> None:
    done = check_upstreams(with_docker_key(lab, tmp_path, "A" * 40), "--os", SYSTEM)
    assert states(done)["apt key", "docker"] == "rotten"
    assert done.returncode == 1


def with_docker_key(lab: Path, folder: Path, fingerprint: str) -> Path:
    content = yaml.safe_load(lab.read_text())
    content["repositories"]["docker"] = {"fingerprints": [fingerprint]}
    file = folder / "lab.yml"
    file.write_text(yaml.safe_dump(content))
    return file


def aged_catalog(folder: Path) -> Path:
    """A copy of the catalog with one entry that was last read years ago."""
    catalog = folder / "catalog"
    shutil.copytree(HERE, catalog, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    oneapi = catalog / "intel" / "oneapi.yml"
    oneapi.write_text(re.sub(r"as_of: \S+", "as_of: 2020-01-01", oneapi.read_text()))
    return catalog


def test_a_rotten_entry_of_every_kind_is_found_and_what_is_beyond_doubt_proposed(
    lab: Path, tmp_path: Path
) -> None:
    rotten_lab = with_docker_key(lab, tmp_path, EXPIRED_KEY)
    options = ["--catalog", str(aged_catalog(tmp_path))]
    for system in SYSTEMS:
        options += ["--os", system]
    done = check_upstreams(rotten_lab, *options, port=ROTTEN_PORT)
    found = [(kind, name.partition(" (")[0], state, detail) for kind, name, state, detail in rows(done)]
    for kind, name, words in ENTRIES:
        about = [each for each in found if each[:3] == (kind, name, "rotten")]
        assert any(words in detail for *_, detail in about), (kind, name, done.stdout, done.stderr)
    assert ("age", "intel/oneapi.yml: runtime", "warning") in [each[:3] for each in found]
    assert done.returncode == 1

    patch = check_upstreams(rotten_lab, *options, "--propose", port=ROTTEN_PORT)
    assert "+    security_floor: 580.999.01\n" in patch.stdout
    assert patch.stdout.startswith("--- a/xpulab/catalog/")
    assert "left to a person: images.yml: pytorch/pytorch > tags" in patch.stderr
