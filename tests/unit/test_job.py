"""What a run has to do with one host: whose roles, whose settings, and why not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyinfra.api.host import Host, HostData

from tests.unit.own_roles_page import write_lab
from tests.unit.sample_hosts import host as observed
from tests.unit.sample_workbenches import WORKBENCH
from xpulab.converging import run
from xpulab.converging.job import Job, job_of
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.lab import load_lab
from xpulab.inventory.labfile import ROLES_FOLDER
from xpulab.roles import BUILT_IN, pull, workbench
from xpulab.schema.refusal import Refusal

SCRATCH = {"path": "/scratch"}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The folder of the lab of docs/own-roles.md."""
    return write_lab(tmp_path / "physics").parent


@pytest.fixture(autouse=True)
def inventory(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run's inventory, which is plain Python beside those roles."""
    file = lab / "inventory.py"
    file.write_text("hosts = []")
    monkeypatch.setitem(run._parameters, "inventory", str(file))
    return file


def host(name: str = "cpu1", **data: Any) -> Any:
    found = SimpleNamespace(name=name)
    found.data = HostData(cast(Host, found), data)
    return found


def job(*asked: Any, **data: Any) -> Job:
    found = job_of(host(**data), BUILT_IN, *asked)
    assert isinstance(found, Job), found
    return found


def refusal(*asked: Any, **data: Any) -> Refusal:
    found = job_of(host(**data), BUILT_IN, *asked)
    assert isinstance(found, Refusal), found
    return found


def test_the_roles_beside_the_inventory_are_asked_after_the_built_in_ones() -> None:
    found = job(scratch=SCRATCH)
    assert [role.name for role in found.roles[len(BUILT_IN) :]] == ["scratch", "sysctl"]
    assert "scratch.mount" in found.watched.units and "docker.service" in found.watched.units
    kinds = [(each.kind, each.name) for each in found.assess(observed()).drift]
    assert ("service", "scratch.mount") in kinds and ("package", "docker.io") in kinds


def test_a_host_of_which_the_inventory_says_nothing_is_not_asked_about_the_roles_things() -> None:
    found = job()
    assert "scratch.mount" not in found.watched.units
    assert not [each for each in found.assess(observed()).drift if "scratch" in each.name]


def test_the_folder_that_the_lab_file_names_comes_before_the_one_beside_the_inventory(
    lab: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    assert job(**{ROLES_FOLDER: str(tmp_path / "none")}).roles == BUILT_IN
    assert len(job(**{ROLES_FOLDER: str(lab / "roles")}).roles) == len(BUILT_IN) + 2


@pytest.mark.parametrize("inventory", ["@vagrant", "gpu-01,gpu-02"])
def test_where_the_inventory_is_no_file_the_roles_lie_where_the_run_is(
    inventory: str, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run._parameters, "inventory", inventory)
    monkeypatch.chdir(lab)
    assert len(job().roles) == len(BUILT_IN) + 2
    monkeypatch.chdir(Path(__file__).parents[2])
    assert job().roles == BUILT_IN


def test_what_a_lab_file_says_of_a_host_is_a_job_as_it_stands(lab: Path) -> None:
    (data,) = (data for _, data in load_lab(lab / "lab.yml", BUILT_IN).hosts)
    found = job(**data)
    assert found.settings.users == ("ops",)
    manifest_units = [each for each in found.watched.units if each.endswith(".mount")]
    assert manifest_units == [r"srv-fast\x2dscratch.mount"]
    assert Unit(manifest_units[0]).unwatched(found.watched) == []


@pytest.mark.parametrize(
    ("name", "said", "wanted"),
    [("cpu1", None, "cpu1"), ("@fake/7", None, "fake-7"), ("@local", "cpu1", "cpu1")],
)
def test_a_host_is_called_as_the_lab_calls_it(name: str, said: str | None, wanted: str) -> None:
    found = job_of(host(name, name_in_lab=said), BUILT_IN)
    assert isinstance(found, Job) and found.settings.name_in_lab == wanted


def test_mistakes_in_plain_inventories_are_refusals_too() -> None:
    assert "host cpu1: scratch.size: " in refusal(scratch={**SCRATCH, "size": "big"}).reason
    assert "host cpu1: policy.engine: " in refusal(policy={"engine": "podman"}).reason


def test_roles_that_cannot_be_read_are_the_refusal_of_each_host_that_was_to_have_them(lab: Path) -> None:
    (lab / "roles" / "cleaning.py").write_text("")
    assert refusal() == Refusal(
        f"{lab}/roles/cleaning.py: has no ROLE = Role(...): add one, or begin the file's name with _",
        "correct the lab's own roles",
    )


def test_a_role_that_cannot_say_what_it_watches_is_its_hosts_refusal(lab: Path) -> None:
    file = lab / "roles" / "scratch.py"
    file.write_text(file.read_text().replace("units=(unit,))", "units=(unit + ' x',))"))
    line = next(n for n, each in enumerate(file.read_text().splitlines(), 1) if "unit + ' x'" in each)
    found = refusal(scratch=SCRATCH)
    assert found.reason == (
        "role scratch fails: ValueError: 'scratch.mount x' cannot be watched: "
        f"it is no plain path, pattern or name ({file}, line {line})"
    )
    assert isinstance(job_of(host(), BUILT_IN), Job)


def test_a_deploy_for_one_role_refuses_hosts_without_its_section_and_those_that_wait() -> None:
    found = refusal(pull.ROLE)
    assert found.reason == "its inventory says nothing of pull, which this deploy is for"
    assert "docs/pull.md" in found.remedy
    waits = job(workbench.ROLE, workbench=WORKBENCH).assess(observed())
    assert waits.refusal and not waits.drift
    alone = job(workbench=WORKBENCH).assess(observed())
    assert alone.refusal is None and [each.reason for each in alone.waiting] == [waits.refusal.reason]
