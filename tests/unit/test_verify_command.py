"""What `xpulab verify` hands to pytest."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xpulab import command as cli
from xpulab.roles import BUILT_IN
from xpulab.verify import command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of the pytest that took the command's place."""
    taken: list[str] = []
    monkeypatch.setattr("os.execv", lambda program, argv: taken.extend(argv[3:]))
    return taken


def verify(*arguments: str) -> None:
    done = CliRunner().invoke(cli.build(BUILT_IN), ["verify", *arguments])
    assert done.exit_code == 0, done.output


def test_the_checks_of_a_lab_come_beside_those_of_xpulab(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    verify()
    assert ran == ["--rootdir=.", str(command.SUITE), "--lab=inventory.py"]
    ran.clear()
    (tmp_path / "tests" / "verify").mkdir(parents=True)
    verify()
    assert ran == ["--rootdir=.", str(command.SUITE), "tests/verify", "--lab=inventory.py"]


def test_in_the_checkout_its_checks_run_once(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    verify()
    assert "tests/verify" not in ran


def test_options_of_pytest_go_on_to_it_and_another_inventory_takes_the_place_of_the_labs(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    verify("--lab=@vagrant", "-n", "auto", "-m", "workbench", "--limit", "gpu-01")
    assert ran[2:] == ["--lab=@vagrant", "-n", "auto", "-m", "workbench", "--limit", "gpu-01"]
