"""A lab of 500 hosts on pyinfra's @fake connector, through the real command line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.converged_answer import converged_answer
from tests.unit.fake_lab import KINDS, SETTINGS
from xpulab.converging.assess import assess
from xpulab.inventory.settings import HostSettings
from xpulab.probing.records import parse
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN

ROOT = Path(__file__).parents[2]

# In one worker the tests share their runs.
pytestmark = pytest.mark.xdist_group("fake lab")


class Finished:
    """A finished run: its exit status, what it printed, and how long each remote command of each host was."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        counts = folder / "counts.json"
        before = cpu_of_children()
        done = subprocess.run(
            [sys.executable, "-m", "pyinfra", *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "XPULAB_FAKE_COUNTS": str(counts),
                "PYINFRA_PROGRESS": "off",
                **environment,
            },
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.status = done.returncode
        self.cpu_s = cpu_of_children() - before
        self.lines = done.stdout.splitlines()
        self.errors = done.stderr
        self.lengths: dict[str, list[int]] = json.loads(counts.read_text())
        self.commands = {host: len(lengths) for host, lengths in self.lengths.items()}

    def commands_of(self, last_two_digits: int) -> set[int]:
        return {count for name, count in self.commands.items() if int(name[-2:]) == last_two_digits}


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("fake"), "-y", "tests/unit/fake_lab.py", "deploys/xpu.py")


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("dry"), "-y", "--dry", "tests/unit/fake_lab.py", "deploys/xpu.py")


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_exactly_as_its_manifest_wants_has_no_drift(kind: str) -> None:
    settings = HostSettings.model_validate(SETTINGS)
    observed = parse(converged_answer(*KINDS[kind], settings))
    assert assess(observed, settings, load_catalog(), BUILT_IN).drift == ()


def test_the_last_line_counts_every_host(finished: Finished) -> None:
    assert finished.lines[-1] == "xpulab: hosts=500 converged=480 changed=10 refused=5 failed=15", (
        finished.errors
    )


def test_the_exit_status_says_that_some_were_refused_or_failed(finished: Finished) -> None:
    assert finished.status == 1


def test_a_converged_host_costs_one_remote_command(finished: Finished) -> None:
    healthy = {
        count for name, count in finished.commands.items() if int(name[-2:]) not in (10, 30, 50, 70, 90)
    }
    assert healthy == {1}


def test_refused_and_unreadable_hosts_are_not_touched(finished: Finished) -> None:
    assert finished.commands_of(10) == finished.commands_of(30) == finished.commands_of(50) == {1}


def test_each_bad_host_is_explained(finished: Finished) -> None:
    text = "\n".join(finished.lines)
    assert "@fake/010: its probe did not answer as one: '<html>captive portal</html>'" in text
    assert "@fake/030: " in text
    assert "10de:ffff" in text
    assert "@fake/050: its probe failed: sudo: a password is required (xpulab needs root" in text
    assert "@fake/090: still differs after every step" in text


def test_a_dry_run_sends_nothing_but_the_probe(dry: Finished) -> None:
    assert set(dry.commands.values()) == {1}
    assert dry.lines[-1] == "xpulab: hosts=500 converged=475 changed=0 refused=5 failed=10 drifted=10"
    assert "    package docker.io: not there → installed" in dry.lines


def test_without_a_terminal_a_run_that_would_ask_says_what_to_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", "tests/unit/fake_lab.py", "deploys/xpu.py"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no terminal to ask at: pass -y or --dry" in done.stderr


def test_a_limit_that_matches_no_host_is_an_error(tmp_path: Path) -> None:
    done = Finished(tmp_path, "-y", "--limit", "@fake/nv9", "tests/unit/fake_lab.py", "deploys/xpu.py")
    assert done.status == 1
    assert "no host to work on: is the inventory empty, or --limit misspelt?" in done.lines
    assert done.lines[-1] == "xpulab: hosts=0 converged=0 changed=0 refused=0 failed=0"


def test_no_wait_does_not_hide_failed_hosts(tmp_path: Path) -> None:
    done = Finished(
        tmp_path,
        "-y",
        "--no-wait",
        "--limit",
        "@fake/00*",
        "--limit",
        "@fake/090",
        "tests/unit/fake_lab.py",
        "deploys/xpu.py",
    )
    assert done.lines[-1] == "xpulab: hosts=11 converged=10 changed=1 refused=0 failed=1"
    assert done.status == 1


@pytest.mark.parametrize(
    ("lab", "words"),
    [
        (
            "lab: x\ndefaults: {ssh_usr: ops}\nhosts: {a: {}}\n",
            "{file}: defaults: ssh_usr: unknown key, did you mean ssh_user? (found 'ops')",
        ),
        ("lab: x\nhosts: {}\n", "no host to work on: is the inventory empty, or --limit misspelt?"),
        (None, "{file}: cannot be read (No such file or directory)"),
    ],
)
def test_a_run_that_cannot_begin_ends_with_the_reason_alone(
    tmp_path: Path, lab: str | None, words: str
) -> None:
    file = tmp_path / "lab.yml"
    if lab is not None:
        file.write_text(lab)
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", "-y", "inventory.py", "deploys/xpu.py"],
        cwd=ROOT,
        env={**os.environ, "XPULAB_LAB": str(file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (1, words.format(file=file)), done.stdout + done.stderr
    assert lines[-1] == "xpulab: hosts=0 converged=0 changed=0 refused=0 failed=0"
    assert "Traceback" not in done.stderr
    assert ("no host to work on" in done.stdout) == words.startswith("no host")
