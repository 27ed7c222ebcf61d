"""The hosts that inventory.py hands to pyinfra, in a lab's folder and on a host that pulls."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xpulab.converging import lab_inventory, run
from xpulab.pull import pull_run
from xpulab.releasing import release
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal

LAB = "lab: x\nhosts:\n  a: {address: 10.0.0.1}\n  b: {polcy: x}\n"


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> dict[str, Refusal]:
    """What the report is told of."""
    told: dict[str, Refusal] = {}

    def refuse(hosts: Mapping[str, Refusal]) -> None:
        told.update(hosts)

    monkeypatch.setattr(run, "refuse_in_inventory", refuse)
    monkeypatch.delenv("XPULAB_LAB", raising=False)
    return told


def test_a_lab_gives_its_hosts_and_reports_the_others(tmp_path: Path, refused: dict[str, Refusal]) -> None:
    (tmp_path / "lab.yml").write_text(LAB)
    ((name, data),) = lab_inventory.hosts(tmp_path, BUILT_IN)
    assert (name, data["ssh_hostname"], list(refused)) == ("a", "10.0.0.1", ["b"])


@pytest.mark.parametrize(
    ("text", "words"), [(None, "describe your hosts in lab.yml"), ("hosts: [", "not YAML")]
)
def test_without_a_lab_that_makes_sense_the_run_ends(
    text: str | None, words: str, tmp_path: Path, refused: dict[str, Refusal]
) -> None:
    if text:
        (tmp_path / "lab.yml").write_text(text)
    with pytest.raises(SystemExit, match=words):
        lab_inventory.hosts(tmp_path, BUILT_IN)


def pulled(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The hosts of the inventory in a release, on the host of that name."""
    (folder / "lab.yml").write_text(LAB)
    (folder / "pull.conf").write_text(f"url=x\nhost={name}\n")
    monkeypatch.setattr(pull_run, "CONFIGURATION", folder / "pull.conf")
    shutil.copy(release.HERE / "host_inventory.py", folder / "pull.py")
    found: list[tuple[str, dict[str, Any]]] = runpy.run_path(str(folder / "pull.py"))["hosts"]
    return found


def test_a_host_that_pulls_is_its_own_only_host_and_needs_no_ssh(
    tmp_path: Path, refused: dict[str, Refusal], monkeypatch: pytest.MonkeyPatch
) -> None:
    ((connector, data),) = pulled(tmp_path, "a", monkeypatch)
    assert (connector, data["name_in_lab"], refused) == ("@local", "a", {})
    assert not [key for key in data if key.startswith("ssh_")]


@pytest.mark.parametrize(
    ("name", "words"), [("b", "polcy"), ("gone", "the release's lab file has no host gone")]
)
def test_a_host_that_the_lab_describes_wrongly_or_not_at_all_is_refused(
    name: str,
    words: str,
    tmp_path: Path,
    refused: dict[str, Refusal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert pulled(tmp_path, name, monkeypatch) == []
    assert words in refused[name].reason
