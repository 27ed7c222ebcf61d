"""Snapshots through the real command lines: a survey on pyinfra's @fake connector, then `xpulab explain`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.own_roles_page import write_lab
from tests.unit.sample_hosts import RTX_3090, host
from tests.unit.snapshot_samples import taken
from tests.unit.test_fake_lab import Finished
from xpulab import command as cli
from xpulab.desired import own_roles
from xpulab.desired.role import sections
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.roles import BUILT_IN
from xpulab.snapshots import folder

ROOT = Path(__file__).parents[2]
APP = cli.build(BUILT_IN)
FEW = "tests/unit/few_hosts.py"


def explain(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(APP, ["explain", "--snapshot", str(file), *arguments])


def answer(file: Path, *arguments: str) -> dict[str, Any]:
    result = explain(file, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def survey(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyinfra", "-y", FEW, "deploys/survey.py"]
    return subprocess.run(
        [*command, "--data", f"snapshot={place}", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYINFRA_PROGRESS": "off", "XPULAB_FAKE_HOSTS": "0"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "snapshots"


@pytest.fixture(scope="module")
def surveyed(place: Path) -> subprocess.CompletedProcess[str]:
    return survey(place, "--json")


def of(place: Path, name: str) -> Path:
    (file,) = place.glob(f"fake-{name}-*.json")
    return file


def test_a_survey_saves_each_host_and_says_where_before_its_last_line(
    surveyed: subprocess.CompletedProcess[str], place: Path
) -> None:
    assert surveyed.returncode == 1, surveyed.stderr  # a host is refused, as without snapshots
    *_, where, last = surveyed.stderr.splitlines()
    assert where == f"snapshots: 6 in {place}; look one through before you send it on"
    assert last == "xpulab: hosts=6 converged=2 changed=0 refused=1 failed=0 drifted=3"
    assert len(list(place.iterdir())) == 6
    hosts = json.loads(surveyed.stdout)["xpulab"]["hosts"]
    assert hosts["@fake/good"]["snapshot"] == str(of(place, "good"))


@pytest.mark.parametrize("name", ["good", "drifted", "stuck", "odd", "breaks", "slow"])
def test_a_snapshot_says_of_each_host_what_the_survey_said(
    surveyed: subprocess.CompletedProcess[str], place: Path, name: str
) -> None:
    live = json.loads(surveyed.stdout)["xpulab"]["hosts"][f"@fake/{name}"]
    found = answer(of(place, name))
    differences = [{key: each[key] for key in each if key != "mended"} for each in live["differences"]]
    assert (found["state"], found["differences"]) == (live["state"], differences)
    assert (found["refusal"] or {}).get("reason") == live["reason"]
    assert (found["target"] or {}).get("image") == (live["target"] or {}).get("image")
    assert "ops" not in of(place, name).read_text().split('"')


def test_a_snapshot_costs_no_second_remote_command(tmp_path: Path) -> None:
    limits = ("--limit", "@fake/000", "--limit", "@fake/090", "--data", f"snapshot={tmp_path / 'snapshots'}")
    done = Finished(tmp_path, "-y", *limits, "tests/unit/fake_lab.py", "deploys/survey.py")
    assert {count for name, count in done.commands.items() if name in ("@fake/000", "@fake/090")} == {1}
    assert len(list((tmp_path / "snapshots").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_each_hosts_word_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = survey(tmp_path / "file" / "snapshots")
    lines = done.stdout.splitlines()
    words = f"no snapshot: it cannot be written to {tmp_path}/file/snapshots (Not a directory)"
    assert [line for line in lines if "no snapshot" in line] == [
        f"@fake/{name}: {words}" for name in ("breaks", "drifted", "good", "odd", "slow", "stuck")
    ]
    assert lines[-1] == "xpulab: hosts=6 converged=2 changed=0 refused=1 failed=0 drifted=3"


def test_the_page_is_that_of_any_host_with_the_plan_of_a_run(
    surveyed: subprocess.CompletedProcess[str], place: Path
) -> None:
    page = explain(of(place, "drifted"))
    assert page.exit_code == 0
    lines = page.stdout.splitlines()
    assert lines[0] == "snapshot of @fake/drifted on ubuntu-22.04, kernel 5.15.0-161-generic"
    assert "packages           ca-certificates pciutils docker.io" in lines
    lock = "/etc/apt/apt.conf.d/99xpulab-lock-timeout"
    assert f"    file {lock}: other content → as in the manifest" in lines
    assert lines[-1].endswith("for which the host was drifted")
    assert "    nothing differs" in explain(of(place, "good")).stdout.splitlines()
    refused = explain(of(place, "odd")).stdout
    assert "refused            NVIDIA device 10de:ffff at 0000:01:00.0 is not in the catalog" in refused


def test_policy_may_be_said_beside_it_and_nothing_that_makes_another_host_of_it(tmp_path: Path) -> None:
    file = folder.write(tmp_path, taken(host(RTX_3090), HostSettings()))
    assert answer(file, "--nvidia-driver", "595")["target"]["driver"]["branch"] == "595"
    for wrong in (["10de:2204"], ["--here"], ["--os", "debian-12"], ["--secure-boot"], ["--each"]):
        assert explain(file, *wrong).exit_code == 2
    assert CliRunner().invoke(APP, ["explain", "--lab", "lab.yml"]).exit_code == 2


def test_what_is_no_snapshot_and_a_lab_that_is_none_are_said_so(tmp_path: Path) -> None:
    file = folder.write(tmp_path, taken(host(), HostSettings()))
    for arguments in ((tmp_path / "none",), (file, "--lab", str(tmp_path / "lab.yml"))):
        result = explain(*arguments)
        assert result.exit_code == 1
        assert "cannot be read (No such file or directory)" in result.stderr


def test_a_labs_own_roles_count_where_its_file_is_named(tmp_path: Path) -> None:
    lab = write_lab(tmp_path / "physics")
    roles = own_roles.load(lab.parent / "roles", BUILT_IN)
    settings = with_sections(HostSettings, sections(roles)).model_validate({"scratch": {"path": "/scratch"}})
    file = folder.write(tmp_path, taken(host(), settings, roles))

    alone = answer(file)
    assert (alone["snapshot"]["own_roles"], alone["snapshot"]["unknown_sections"]) == (
        ["scratch", "sysctl"],
        ["scratch"],
    )
    assert "scratch.mount" not in {each["name"] for each in alone["differences"]}
    assert (
        "explained by the built-in roles alone; those of its lab (scratch, sysctl) count with --lab FILE"
        in explain(file).stdout.splitlines()
    )
    assert "scratch.mount" in {each["name"] for each in answer(file, "--lab", str(lab))["differences"]}
    assert "built-in roles alone" not in explain(file, "--lab", str(lab)).stdout
