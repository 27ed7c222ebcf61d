"""What the wheel holds."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.wheel.installed import ROOT, build


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(build(tmp_path_factory.mktemp("wheel"), "--wheel"))


def package() -> dict[str, Path]:
    """Every file of the package, with those that lie behind links in the checkout."""
    found: dict[str, Path] = {}
    for folder, inner, names in os.walk(ROOT / "xpulab", followlinks=True):
        inner[:] = [each for each in inner if each != "__pycache__" and not each.startswith(".")]
        found |= {Path(folder, name).relative_to(ROOT).as_posix(): Path(folder, name) for name in names}
    return {name: path for name, path in found.items() if not name.startswith("xpulab/xpudevice/tests/")}


def test_it_holds_the_package_file_by_file_and_nothing_beside_it(wheel: ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == set(package())
    assert [name for name, path in package().items() if wheel.read(name) != path.read_bytes()] == []


def test_programs_stay_programs(wheel: ZipFile) -> None:
    programs = {name for name, path in package().items() if os.access(path, os.X_OK)}
    assert programs
    assert {name for name in package() if wheel.getinfo(name).external_attr >> 16 & 0o111} == programs


def test_what_pip_makes_of_a_source_distribution_is_the_same(wheel: ZipFile, tmp_path: Path) -> None:
    other = ZipFile(build(tmp_path))
    assert {each.filename: each.CRC for each in other.infolist()} == {
        each.filename: each.CRC for each in wheel.infolist()
    }
