"""The catalog: complete, sourced, and strict about its files."""

from __future__ import annotations

import shutil
import time
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

import xpulab.catalog
from xpulab.catalog import Catalog, CatalogError, load_from
from xpulab.catalog.entry import Entry, Record
from xpulab.inventory.settings import Policy
from xpulab.resolving.intel.facts import IntelFacts
from xpulab.resolving.vendors import VENDORS
from xpulab.resolving.vendors import load_catalog as load

HERE = Path(xpulab.catalog.__file__).parent
MODELS = {name: vendor.facts for name, vendor in VENDORS.items()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def entries(value: object) -> list[Entry]:
    if isinstance(value, Record):
        inside = [entry for name in type(value).model_fields for entry in entries(getattr(value, name))]
        return [value, *inside] if isinstance(value, Entry) else inside
    if isinstance(value, dict):
        return [entry for item in value.values() for entry in entries(item)]
    return []


def test_every_entry_says_where_it_comes_from_and_when_it_was_read() -> None:
    found = entries(load())
    assert len(found) > 70
    for entry in found:
        assert len(entry.source) > 8
        assert date(2026, 1, 1) <= entry.as_of <= datetime.now(timezone.utc).date()


def test_every_yaml_file_in_the_folder_is_read() -> None:
    shared = {f"{field}.yml" for field in Catalog.model_fields if field != "facts"}
    of_vendors = {f"{name}/{field}.yml" for name, model in MODELS.items() for field in model.model_fields}
    assert {str(file.relative_to(HERE)) for file in HERE.rglob("*.yml")} == shared | of_vendors


@pytest.mark.no_cover
def test_loading_is_fast_enough_for_every_start() -> None:
    load_from(HERE, MODELS)
    before = time.process_time()  # of this process alone: others may be busy
    load_from(HERE, MODELS)
    assert time.process_time() - before < 0.15


def test_the_repositories_bear_the_names_that_inventories_use() -> None:
    assert set(load().repositories) == {
        "nvidia-cuda",
        "nvidia-container-toolkit",
        "intel-gpu",
        "intel-graphics-ppa",
        "debian-backports",
        "intel-oneapi",
        "docker",
    }


def test_all_390_intel_devices_are_known_once() -> None:
    assert len(load().of(IntelFacts).by_device) == 390


@pytest.mark.parametrize(
    ("field", "values"),
    [("engine", set(load().docker)), ("intel_channel", set(load().of(IntelFacts).compute.channels))],
)
def test_the_policys_choices_are_those_of_the_catalog(field: str, values: set[str]) -> None:
    annotation = str(Policy.model_fields[field].annotation)
    assert all(f"'{value}'" in annotation for value in values)


def test_an_unknown_key_is_refused_with_file_entry_and_rule(copy: Path) -> None:
    replace(copy / "nvidia/cuda.yml", "minimum_driver: 450.80.02", 'minimum_drivr: "450"')
    with pytest.raises(CatalogError, match=r"nvidia/cuda\.yml: 11\.8 > minimum_drivr: unknown key"):
        load_from(copy, MODELS)


def test_an_entry_without_a_source_is_refused(copy: Path) -> None:
    replace(copy / "docker.yml", "  source: https://docs.docker.com/engine/install/ubuntu/\n", "")
    with pytest.raises(CatalogError, match=r"docker\.yml: docker-ce > source: Field required"):
        load_from(copy, MODELS)


def test_a_malformed_fingerprint_is_refused(copy: Path) -> None:
    replace(copy / "repositories.yml", "[C95B321B", "[c95b321b")
    with pytest.raises(CatalogError, match=r"repositories\.yml: nvidia-container-toolkit > fingerprints > 0"):
        load_from(copy, MODELS)


def test_a_container_toolkit_older_than_the_security_fix_is_refused(copy: Path) -> None:
    replace(copy / "nvidia/container_toolkit.yml", "version: 1.20.1-1", "version: 1.18.2-1")
    with pytest.raises(CatalogError, match=r"1\.18\.2-1 is older than minimum_safe 1\.19\.1"):
        load_from(copy, MODELS)


def test_a_key_that_stands_twice_is_refused(copy: Path) -> None:
    with (copy / "nvidia/cuda.yml").open("a") as file:
        file.write('"13.0": {}\n')
    with pytest.raises(CatalogError, match=r"nvidia/cuda\.yml: .*key 13\.0 stands twice"):
        load_from(copy, MODELS)


def test_a_file_that_is_not_yaml_is_refused_by_name(copy: Path) -> None:
    (copy / "images.yml").write_text("a: [1,\n")
    with pytest.raises(CatalogError, match=r"images\.yml: not YAML"):
        load_from(copy, MODELS)


def test_a_missing_file_is_refused_by_name(copy: Path) -> None:
    (copy / "images.yml").unlink()
    with pytest.raises(CatalogError, match=r"images\.yml: No such file"):
        load_from(copy, MODELS)


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        ("nvidia/families.yml", 'last: "1436"', 'last: "1b10"', "overlaps"),
        ("nvidia/families.yml", 'first: "1340"', 'first: "1fff"', "lies behind last"),
        ("nvidia/families.yml", '"6.1"}', '"6"}', "pascal > chips > 2 > compute_capability"),
        ("intel/devices.yml", '["56a0"]', '["56a1"]', "device 56a1 also stands in"),
        ("nvidia/driver.yml", 'default_branch: "580"', 'default_branch: "581"', "not among branches"),
        ("images.yml", 'cuda: "13.2"', 'cuda: "13.9"', "a cuda that is in nvidia/cuda.yml"),
        (
            "images.yml",
            "families: [max, alchemist, ",
            "families: [maxx, alchemist, ",
            "family maxx is not in intel/devices.yml",
        ),
        ("intel/oneapi.yml", "repository: intel-oneapi", "repository: x", "repository x is not in"),
        (
            "nvidia/driver.yml",
            "archive: [ubuntu-22.04, ",
            "archive: [ubuntu-22.4, ",
            "system ubuntu-22.4 is not",
        ),
        ("nvidia/driver.yml", "repository: nvidia-cuda", "repository: cuda", "repository cuda is not in"),
        ("nvidia/driver.yml", "[GB100/102, ", "[GB100, ", "no chips GB100 in"),
        ("intel/devices.yml", "[ubuntu-26.04]", "[ubuntu-26]", "listed_on ubuntu-26 is no system"),
        ("nvidia/driver.yml", 'replaced_by: "595"', 'replaced_by: "596"', "replaced_by 596 is not among"),
        ("intel/compute.yml", "{ubuntu-24.04: noble, ", "{noble: noble, ", "system noble is not in"),
        ("intel/compute.yml", "      debian-13:\n", "      debian-31:\n", "system debian-31 is not in"),
        (
            "intel/compute.yml",
            "families: [alchemist, meteor-lake, arrow-lake, battlemage, lunar-lake]",
            "families: [x]",
            "family x is not in",
        ),
        ("repositories.yml", "    ubuntu-26.04:\n", "    ubuntu-26.4:\n", "system ubuntu-26.4 is not in"),
        ("docker.yml", "    debian-13: {packages", "    debian-31: {packages", "system debian-31 is not in"),
        ("nvidia/driver.yml", "unseen: [debian-13]", "unseen: [debian-31]", "system debian-31 is not in"),
        ("operating_systems.yml", "repository: debian-backports", "repository: bpo", "repository bpo is not"),
        ("intel/compute.yml", "families: [max, flex]", "families: [pvc]", "family pvc is not in"),
        ("workbench.yml", "  ubuntu-22.04:\n", "  ubuntu-22.4:\n", "system ubuntu-22.4 is not in"),
        ("workbench.yml", "channel: lts/2350", "channel: lts/2351", "channel lts/2351 has no suite"),
        ("workbench.yml", "  lts/2523:\n", "  lts/2524:\n", "channel lts/2524 must stand here and in"),
        ("workbench.yml", "cuda: [cu130, ", "cuda: [cu131, ", "cu131 must stand in wheels"),
        ("workbench.yml", "level_zero: ppa", "level_zero: ppb", "level_zero ppb is not in"),
        ("workbench.yml", "families: [max, ", "families: [pvc, ", "family pvc is not in"),
    ],
)
def test_entries_that_contradict_each_other_are_refused(
    copy: Path, file: str, old: str, new: str, rule: str
) -> None:
    replace(copy / file, old, new)
    with pytest.raises(CatalogError, match=rf"{file}.*{rule}"):
        load_from(copy, MODELS)
