"""One run at a time changes a host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from xpulab.converging.host_lock import HELD, WAIT_S, under_lock


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What stands for /run on this machine."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def locked(script: str, run: Path, wait_s: int = 60) -> subprocess.CompletedProcess[str]:
    text = (
        under_lock(script)
        .replace("/run/xpulab", f"{run}/xpulab")
        .replace(f"seconds={WAIT_S}", f"seconds={wait_s}")
    )
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20)


def test_a_script_runs_as_it_would_and_leaves_when_it_did(run: Path) -> None:
    done = locked("echo out; echo err >&2", run)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")
    assert (run / "xpulab" / "push").exists()
    assert (run / "xpulab").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("script", ["exit 7", "set -e; (exit 7); echo unreached", "trap 'exit 7' EXIT"])
def test_its_failure_is_its_own(run: Path, script: str) -> None:
    done = locked(script, run)
    assert (done.returncode, done.stdout) == (7, "")


def test_a_run_that_does_not_get_the_lock_says_who_holds_it_and_does_nothing(run: Path) -> None:
    (run / "xpulab").mkdir()
    lock = run / "xpulab" / "lock"
    lock.write_text("a pull run, pid 12\n")
    with subprocess.Popen(["flock", lock, "sh", "-c", "echo held; sleep 20"], stdout=subprocess.PIPE) as pull:
        assert pull.stdout
        pull.stdout.readline()
        done = locked("echo ran", run, wait_s=0)
        pull.terminate()
    assert done.returncode == 75
    assert done.stdout == ""
    assert done.stderr == f"{HELD} (a pull run, pid 12): let it finish, then run again\n"


def test_what_a_script_leaves_running_does_not_hold_the_lock(run: Path) -> None:
    locked("sleep 15 >/dev/null 2>&1 &", run)
    assert locked("echo ran", run, wait_s=0).stdout == "ran\n"


def test_the_script_is_shell_that_shellcheck_accepts(tmp_path: Path) -> None:
    file = tmp_path / "script.sh"
    file.write_text(f"#!/bin/sh\n{under_lock('set -eu')}\n")
    checked = subprocess.run(["shellcheck", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
