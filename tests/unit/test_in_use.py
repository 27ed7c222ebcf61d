"""What others are using is not taken from under them, and what a run takes away is marked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from xpulab.converging.drift import drift
from xpulab.converging.steps import Others, Reboot, Step, in_use, next_steps
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.package import AbsentPackages, Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Boot, Difference, Run, Thing
from xpulab.probing.observed import FoundFile, FoundUnit, InstalledPackage, Observed
from xpulab.shell.scripts import script

OTHERS = Others(("nvidia-persiste",))
HOST = Observed(
    os_id="ubuntu",
    os_version="22.04",
    architecture="x86_64",
    kernel="5.15.0-161-generic",
    packages={"docker-ce": InstalledPackage("5:29"), "nvidia-utils": InstalledPackage("570")},
    units={"docker.service": FoundUnit(True, "active", "enabled", 100.0)},
    files={"/etc/docker/daemon.json": FoundFile("0" * 64, "0644", "root:root", 200.0, 2)},
)
DISTURBING: list[tuple[Thing, str]] = [
    (AbsentPackages(("docker-ce",), {"containers": ("docker-ce",)}), "containers"),
    (Package("nvidia-utils", minimum="580", used_as="accelerators"), "accelerators"),
    (
        JsonSettings("/etc/docker/daemon.json", {"a": 1}, read_by="docker.service", used_as="containers"),
        "containers",
    ),
    (Unit("docker.service", ("/etc/docker/daemon.json",), used_as="containers"), "containers"),
]


def steps(thing: Thing, observed: Observed = HOST, others: Others | None = OTHERS) -> tuple[Step, ...]:
    return next_steps(drift(Manifest((thing,)), observed), 600, others)


@pytest.mark.parametrize(
    ("thing", "use"),
    DISTURBING,
    ids=["engine goes", "driver changes", "what the engine reads changes", "engine restarts"],
)
def test_who_would_suffer_is_asked_before_anything_else(thing: Thing, use: str) -> None:
    first, *rest = steps(thing)
    assert isinstance(first, Run) and first.refusal and rest
    assert f"uses={use}" in first.script and "in_use: interrupt" in first.refusal.remedy
    assert steps(thing, others=None) == tuple(rest)


def test_what_is_not_there_yet_disturbs_nobody() -> None:
    bare = Observed("ubuntu", "22.04", "x86_64", "5.15.0-161-generic")
    for thing, _ in DISTURBING[1:]:
        assert all(not getattr(step, "refusal", None) for step in steps(thing, bare))


def test_a_boot_asks_in_its_own_script() -> None:
    (reboot,) = next_steps((Difference("reboot", "nvidia", "570 runs", "580", Boot()),), 600, OTHERS)
    assert isinstance(reboot, Reboot) and "in use: " in reboot.script
    assert reboot.script.index("in use: ") < reboot.script.index("systemctl reboot")
    (reboot,) = next_steps((Difference("reboot", "nvidia", "570 runs", "580", Boot()),), 600)
    assert isinstance(reboot, Reboot) and "in use: " not in reboot.script


def test_what_a_run_takes_away_is_marked() -> None:
    (gone,) = drift(Manifest((DISTURBING[0][0],)), HOST)
    (changed,) = drift(Manifest((DISTURBING[1][0],)), HOST)
    assert (gone.takes_away, changed.takes_away) == (True, False)


def asked(folder: Path, uses: tuple[str, ...], containers: str) -> subprocess.CompletedProcess[str]:
    """The question as a host answers it whose engine lists these containers."""
    docker = folder / "docker"
    docker.write_text(f"#!/bin/sh\nprintf '{containers}'\n")
    docker.chmod(0o755)
    text = script([in_use(uses, OTHERS)])  # type: ignore[arg-type]
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, env={"PATH": path}, check=False)


def test_containers_of_others_are_in_use_and_those_of_xpulab_are_not(tmp_path: Path) -> None:
    done = asked(tmp_path, ("containers",), "web \\nxpulab-workbench 3af9\\ndb \\n")
    assert done.returncode != 0
    assert done.stderr == "in use: container web runs, container db runs\n"
    assert asked(tmp_path, ("containers",), "xpulab-workbench 3af9\\n").returncode == 0
    assert asked(tmp_path, ("accelerators",), "web \\n").returncode == 0
