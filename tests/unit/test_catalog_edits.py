"""The patch that check-upstreams proposes: what it changes of the catalog's text, and that all else stays."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from xpulab.catalog import HERE, load_from
from xpulab.catalog.claims import Place
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.nvidia.facts import NvidiaFacts
from xpulab.resolving.vendors import VENDORS, written_catalog
from xpulab.schema import strict_yaml
from xpulab.upstreams.editing import Append, CannotEdit, CopyLine, Edit, SetValue, edited
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.proposing import Proposal, propose

TODAY = date(2026, 12, 24)
TEXTS = {file.relative_to(HERE).as_posix(): file.read_text() for file in sorted(HERE.rglob("*.yml"))}

SMALL = """\
# Before.
common: &common {source: "https://a.test", as_of: 2026-01-01}
block: # about the block
  source: &long >-
    https://a.test,
    https://b.test
  as_of: 2026-01-02 # read on a Friday
  version: 1.2.3 # „quoted“
  names: [a, b] # names
  taken: *long
flow: {source: "https://c.test", as_of: 2026-01-03, version: "1.2"}
merged: {<<: *common, version: 1.0.0}
list:
  source: https://d.test
  as_of: 2026-01-04
  rows: # of the list
    - {series: "6.1", title: GA} # the first
    - {series: "6.12",
       title: backports}
"""


def edit(*edits: Edit) -> dict[int, str]:
    """The lines of the small text that these edits change or add, by their number afterwards."""
    before, after = SMALL.splitlines(), edited(SMALL, edits, TODAY.isoformat()).splitlines()
    return {number: line for number, line in enumerate(after, 1) if line not in before}


def place(*keys: str | int) -> Place:
    return Place("small.yml", keys)


def test_a_value_is_replaced_where_it_stands_and_its_entry_is_dated() -> None:
    assert edit(SetValue(place("block", "version"), "1.10.0")) == {
        7: "  as_of: 2026-12-24 # read on a Friday",
        8: "  version: 1.10.0 # „quoted“",
    }
    assert edit(SetValue(place("flow", "version"), "2.0")) == {
        11: 'flow: {source: "https://c.test", as_of: 2026-12-24, version: "2.0"}'
    }


def test_a_value_that_was_not_there_stands_behind_its_neighbour() -> None:
    assert edit(SetValue(place("block", "floor"), "1.2.2", after="version"))[9] == "  floor: 1.2.2"
    assert edit(SetValue(place("block", "floor"), "1.2.2", after="nothing"))[8] == "  floor: 1.2.2"
    assert edit(SetValue(place("flow", "floor"), "620"))[11].endswith(', version: "1.2", floor: "620"}')


def test_an_entry_that_took_its_date_over_gets_one_of_its_own() -> None:
    assert edit(SetValue(place("merged", "version"), "1.0.1")) == {
        12: "merged: {<<: *common, version: 1.0.1, as_of: 2026-12-24}"
    }


def test_an_item_is_appended_to_a_list() -> None:
    assert edit(Append(place("block", "names"), "c"))[9] == "  names: [a, b, c] # names"


def test_a_line_is_copied_with_other_values_and_the_old_one_can_be_changed() -> None:
    row = place("list", "rows", 0)
    edits = (CopyLine(row, {"series": "6.18"}), SetValue(row / "superseded", "true"))
    assert edit(*edits) == {
        15: "  as_of: 2026-12-24",
        17: '    - {series: "6.1", title: GA, superseded: true} # the first',
        18: '    - {series: "6.18", title: GA} # the first',
    }


@pytest.mark.parametrize(
    ("impossible", "why"),
    [
        (SetValue(place("block", "taken"), "x"), "no plain value of its own"),
        (SetValue(place("block", "source"), "x"), "no plain value of its own"),
        (SetValue(place("block", "names", 0), "x"), "is no mapping"),
        (SetValue(place("nothing", "version"), "x"), "is not written there"),
        (SetValue(place("common2"), "x"), "has no line to write"),
        (Append(place("list", "rows"), "x"), "is no list in brackets"),
        (CopyLine(place("list", "rows", 1), {"series": "7"}), "fills more than one line"),
    ],
)
def test_what_cannot_be_edited_to_the_character_is_refused(impossible: Edit, why: str) -> None:
    with pytest.raises(CannotEdit, match=why):
        edit(impossible)


# In the catalog itself.


def rotten(*edits: Edit) -> Finding:
    return Finding("a rule", str(edits[0].place), "rotten", "it is newer", edits)


def at(file: str, *keys: str | int) -> Place:
    return Place(file, keys)


def hwe() -> Place:
    kernels = written_catalog().operating_systems["ubuntu-24.04"].kernels
    number = next(number for number, each in enumerate(kernels) if each.title == "HWE")
    return at("operating_systems.yml", "ubuntu-24.04", "kernels", number)


FINDINGS = (
    rotten(
        CopyLine(hwe(), {"series": "7.9"}),
        SetValue(hwe() / "title", "earlier HWE"),
        SetValue(hwe() / "superseded", "true"),
    ),
    rotten(SetValue(at("nvidia/driver.yml", "branches", "580", "security_floor"), "580.999.01", "latest")),
    rotten(SetValue(at("nvidia/driver.yml", "branches", "620", "security_floor"), "620.999.01", "latest")),
    rotten(SetValue(at("nvidia/driver.yml", "branches", "560", "latest"), "560.99.01", "end_of_life")),
    rotten(SetValue(at("nvidia/container_toolkit.yml", "packages", "version"), "1.99.0-1")),
    rotten(SetValue(at("intel/oneapi.yml", "runtime", "newest"), "2099.0.0-1")),
    rotten(Append(at("intel/compute.yml", "channels", "distribution", "packages"), "firmware-more")),
)


def proposed(*findings: Finding) -> Proposal:
    return propose(findings, TEXTS, TODAY)


def test_the_catalog_with_the_patch_says_what_the_servers_say(tmp_path: Path) -> None:
    proposal = proposed(*FINDINGS)
    assert proposal.left == ()
    folder = tmp_path / "xpulab" / "catalog"
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=proposal.diff, text=True, check=True)
    catalog = load_from(folder, {name: vendor.facts for name, vendor in VENDORS.items()})
    kernels = {
        each.series: each for each in catalog.operating_systems["ubuntu-24.04"].kernels_by_suffix["generic"]
    }
    assert (kernels["7.9"].superseded, kernels["7.9"].title) == (False, "HWE")
    assert kernels["7.0"].superseded
    nvidia, intel = catalog.of(NvidiaFacts), catalog.of(IntelFacts)
    branches = nvidia.driver.branches
    assert branches["580"].security_floor == "580.999.01"
    assert branches["620"].security_floor == "620.999.01"
    assert branches["560"].latest == "560.99.01"
    assert nvidia.container_toolkit.packages.version == "1.99.0-1"
    assert intel.oneapi.runtime.newest == "2099.0.0-1"
    assert intel.compute.channels["distribution"].packages[-1] == "firmware-more"
    touched = [
        catalog.operating_systems["ubuntu-24.04"],
        *(branches[name] for name in ("580", "620", "560")),
        nvidia.container_toolkit.packages,
        intel.oneapi.runtime,
        intel.compute.channels["distribution"],
    ]
    assert {entry.as_of for entry in touched} == {TODAY}
    assert branches["595"].as_of != TODAY
    assert branches["550"].as_of != TODAY


def test_the_patch_touches_the_lines_of_its_findings_alone() -> None:
    diff = proposed(FINDINGS[4]).diff.splitlines()
    assert diff[:2] == [
        "--- a/xpulab/catalog/nvidia/container_toolkit.yml",
        "+++ b/xpulab/catalog/nvidia/container_toolkit.yml",
    ]
    version = strict_yaml.parse(TEXTS["nvidia/container_toolkit.yml"])["packages"]["version"]
    changed = [line for line in diff[2:] if line[0] in "+-"]
    assert len(changed) == 4
    assert changed[1:] == [f"-  version: {version}", "+  as_of: 2026-12-24", "+  version: 1.99.0-1"]


def test_what_needs_a_persons_judgement_is_named_and_no_patch_is_made_of_it() -> None:
    judged = Finding("newest PyTorch", "images.yml: a/b > tags", "rotten", "newer: 2.99.0")
    impossible = rotten(SetValue(at("nvidia/driver.yml", "branches", "580", "source"), "x"))
    proposal = proposed(judged, impossible, Finding("a", "b", "sound", "c"))
    assert proposal.diff == ""
    assert proposal.left[0] == "images.yml: a/b > tags: newer: 2.99.0"
    assert "no plain value of its own" in proposal.left[1]
    assert len(proposal.left) == 2
