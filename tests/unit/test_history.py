"""Runs are written down, each in a line, and can be looked up by host."""

from __future__ import annotations

import stat
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.test_fake_lab import Finished
from tests.unit.test_report import DRIFT, TARGET
from xpulab.command import build
from xpulab.converging.outcome import Outcome
from xpulab.converging.written_down import revision, run_entry
from xpulab.desired.thing import Difference, InApt
from xpulab.history import journal
from xpulab.history.command import limits
from xpulab.history.journal import RunEntry
from xpulab.roles import BUILT_IN

BEGUN = datetime(2026, 11, 26, 12, 0, tzinfo=timezone.utc)
ENDED = datetime(2026, 11, 26, 12, 3, tzinfo=timezone.utc)
SECRET = Difference("apt source", "mirror", "not there", "https://me:hunter2@mirror stable", InApt("x"))
OUTCOMES = {
    "gpu-01": Outcome("gpu-01", "converged", TARGET, changes=2, mended=(*DRIFT, SECRET)),
    "gpu-02": Outcome("gpu-02", "failed", reason="apt: no answer from https://me:hunter2@mirror"),
    "odd one": Outcome("odd one", "refused", reason="10de:ffff is not in the catalog"),
}


def entry(**outcomes: Outcome) -> RunEntry:
    return run_entry(outcomes or OUTCOMES, ("inventory.py", "deploys/xpu.py"), BEGUN, ENDED, dry=False)


def answer(*arguments: str) -> str:
    result = CliRunner().invoke(build(BUILT_IN), ["history", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal with two runs, the first of which went well."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    journal.append(entry(**{"gpu-01": Outcome("gpu-01", "converged", TARGET)}), journal.place())
    journal.append(entry(), journal.place())
    return journal.place()


def test_a_run_is_a_line_that_comes_back_as_it_was_written(kept: Path) -> None:
    assert [sorted(each.hosts) for each in journal.entries(kept)] == [["gpu-01"], sorted(OUTCOMES)]
    assert list(journal.entries(kept))[1] == entry()


def test_nobody_else_reads_it_and_no_secret_is_in_it(kept: Path) -> None:
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "hunter2" not in kept.read_text()


def test_what_a_killed_run_left_of_its_line_costs_no_other_line(kept: Path) -> None:
    with kept.open("a") as file:
        file.write('{"when": "2026-')
    journal.append(entry(), kept)
    assert len(list(journal.entries(kept))) == 3


def test_the_oldest_runs_are_let_go_in_time(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_BYTES", 1)
    for _ in range(10):
        journal.append(entry(), kept)
    assert len(list(journal.entries(kept))) == journal.KEPT
    assert len(list(kept.parent.glob("history.jsonl*"))) == journal.KEPT


def test_a_host_is_looked_up_with_what_was_changed_and_why_it_failed(kept: Path) -> None:
    said = answer("gpu-01")
    assert "package docker.io: not there → installed" in said and "odd one" not in said
    assert "no answer from" in answer("gpu-02")
    everything = answer()
    assert "1 converged, 1 failed, 1 refused" in everything and "gpu-01: 2 changes" in everything


def test_what_a_host_said_acts_on_no_terminal(kept: Path) -> None:
    journal.append(entry(evil=Outcome("evil", "failed", reason="\x1b]0;owned\x07")), kept)
    assert "\x1b]0" not in answer("evil")


def test_a_run_can_go_on_with_what_the_last_one_left_undone(kept: Path) -> None:
    assert answer("--failed").strip() == "--limit gpu-02 --limit 'odd one'"
    assert limits(next(iter(journal.entries(kept)))) == ""


def test_where_nothing_is_written_down_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = CliRunner().invoke(build(BUILT_IN), ["history", "gpu-09"])
    assert result.exit_code == 1 and "no run of gpu-09" in result.output


def test_a_real_run_is_written_down_and_one_that_cannot_be_ends_as_it_would(tmp_path: Path) -> None:
    hosts = {"XPULAB_FAKE_HOSTS": "4", "XPULAB_FAKE_LAB": "drifted", "XDG_STATE_HOME": str(tmp_path)}
    assert Finished(tmp_path, "-y", "tests/unit/fake_lab.py", "deploys/xpu.py", **hosts).status == 0
    (run,) = journal.entries(tmp_path / "xpulab" / "history.jsonl")
    assert run.command == ("tests/unit/fake_lab.py", "deploys/xpu.py") and not run.dry
    assert {each.state for each in run.hosts.values()} == {"converged"}
    assert run.hosts["@fake/000"].changed == (
        "file /etc/apt/apt.conf.d/99xpulab-lock-timeout: other content → as in the manifest",
    )
    (tmp_path / "file").write_text("")
    nowhere = {**hosts, "XDG_STATE_HOME": str(tmp_path / "file")}
    done = Finished(tmp_path, "-y", "tests/unit/fake_lab.py", "deploys/xpu.py", **nowhere)
    assert done.status == 0 and "this run is not written down" in done.errors


def test_the_revision_names_the_commit_of_a_checkout(tmp_path: Path) -> None:
    assert "(" not in revision(tmp_path)
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("0123456789abcdef\n")
    assert revision(tmp_path).endswith("(0123456789ab)")
