"""A lab's own repository: what `xpulab init` writes, and where the lab's file is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xpulab import command as cli
from xpulab.desired.lab import load_lab
from xpulab.inventory import lab_place
from xpulab.laying_out.init import lay_out
from xpulab.roles import BUILT_IN


@pytest.fixture(autouse=True)
def no_lab_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XPULAB_LAB", raising=False)


def init(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.build(BUILT_IN), ["init", *arguments])
    return done.exit_code, done.output


def test_the_lab_file_it_writes_is_one_and_its_roles_lie_beside_it(tmp_path: Path) -> None:
    lay_out(tmp_path)
    file = lab_place.file(tmp_path)
    assert file == tmp_path / "lab.yml"
    lab = load_lab(file, BUILT_IN)
    assert (len(lab.hosts), lab.refused) == (4, {})
    assert {data["roles_folder"] for _, data in lab.hosts} == {str(tmp_path / "roles")}


def test_the_example_of_a_role_counts_once_its_name_says_so(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "roles" / "_example.py").rename(tmp_path / "roles" / "time.py")
    (tmp_path / "lab.yml").write_text("lab: x\nhosts:\n  a: {time: {server: ntp.lab}}\n")
    assert load_lab(tmp_path / "lab.yml", BUILT_IN).hosts[0][1]["time"] == {"server": "ntp.lab"}


def test_a_lab_is_committed_and_what_signs_its_releases_is_not(tmp_path: Path) -> None:
    lay_out(tmp_path)
    ignored = (tmp_path / ".gitignore").read_text().split()
    assert {"/release/", "/id_*", "*.key", "__pycache__/"} <= set(ignored)
    assert not [line for line in ignored if "lab.yml" in line or "workbench-images" in line]


def test_what_is_there_stays_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("ours\n")
    (tmp_path / "README.md").symlink_to("nowhere")
    laid_out = lay_out(tmp_path)
    assert laid_out.left == (tmp_path / "README.md", tmp_path / "config.py")
    assert (tmp_path / "config.py").read_text() == "ours\n"
    assert not (tmp_path / "nowhere").exists()
    assert lay_out(tmp_path).written == ()


def test_a_lab_in_inventories_is_not_put_aside_by_a_second_file(tmp_path: Path) -> None:
    known = tmp_path / "inventories" / "lab.yml"
    known.parent.mkdir()
    known.write_text("lab: x\nhosts: {}\n")
    status, output = init(str(tmp_path))
    assert (status, (tmp_path / "lab.yml").exists()) == (0, False)
    assert f"left {known}, which was there" in output
    assert f"describe your hosts in {known}" in output


def test_it_says_what_comes_next(tmp_path: Path) -> None:
    _, output = init(str(tmp_path / "new"))
    assert (
        f"describe your hosts in {tmp_path / 'new' / 'lab.yml'}, then\n    cd {tmp_path / 'new'}\n" in output
    )
    assert "    pyinfra -y inventory.py deploys/survey.py" in output


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, output = init(str(tmp_path / "file"))
    assert status == 1
    assert output.startswith(f"xpulab: {tmp_path / 'file'}")


def test_the_lab_that_is_named_comes_before_the_one_beside_and_that_before_inventories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, below = tmp_path / "lab.yml", tmp_path / "inventories" / "lab.yml"
    below.parent.mkdir()
    assert lab_place.file(tmp_path) is None
    below.write_text("")
    assert lab_place.file(tmp_path) == below
    beside.write_text("")
    assert lab_place.file(tmp_path) == beside
    monkeypatch.setenv("XPULAB_LAB", "elsewhere.yml")
    assert lab_place.file(tmp_path) == Path("elsewhere.yml")
