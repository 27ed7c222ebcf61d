"""The testbed's news of releases: sound as the catalog stands, and one rotten entry for each rule.

Here the files that upstream serves are served on the loopback network; tests/testbed/test_6_upstreams.py asks
upstream itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

sys.path.append(str(Path(__file__).parents[2] / "testbed"))

from vlab.lab import upstream_names
from vlab.news import host_names, lay_out_news

from tests.unit.news_server import make_certificate, serve
from tests.unit.rotten_entries import ENTRIES, EXPIRED_KEY, SYSTEMS
from xpulab import command
from xpulab.catalog import HERE
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.vendors import load_catalog
from xpulab.roles import BUILT_IN
from xpulab.upstreams.check_upstreams import texts
from xpulab.upstreams.checks import Subject, check
from xpulab.upstreams.finding import Finding
from xpulab.upstreams.proposing import propose
from xpulab.upstreams.web import Web

TODAY = date(2026, 12, 24)
REPOSITORIES = {"docker": {"fingerprints": [EXPIRED_KEY]}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all news, and a certificate for whoever tells them."""
    folder = tmp_path_factory.mktemp("news")
    lay_out_news(folder / "www", folder / "rotten")
    make_certificate(folder / "news.crt", upstream_names())
    return folder


@pytest.fixture(scope="module")
def rotten_server(place: Path) -> Iterator[str]:
    with serve(place / "news.crt", place / "rotten", place / "www") as address:
        yield address


def checked(address: str, place: Path) -> list[Finding]:
    settings = HostSettings.model_validate({"repositories": REPOSITORIES})
    subject = Subject(load_catalog(), {}, SYSTEMS, settings, BUILT_IN)
    with Web(address, place / "news.crt") as web:
        return list(check(subject, web, TODAY))


@pytest.fixture(scope="module")
def rotten(rotten_server: str, place: Path) -> list[Finding]:
    return checked(rotten_server, place)


def test_upstream_answers_under_every_name_that_news_are_told_under() -> None:
    assert set(host_names()) <= set(upstream_names())


def test_the_sound_news_are_what_the_catalog_says(place: Path) -> None:
    with serve(place / "news.crt", place / "www") as address:
        found = checked(address, place)
    told = [each for each in found if each.kind in ("security floor", "driver branch")]
    assert len(told) > 8
    told += [each for each in found if each.name == "images.yml (torch)"]
    assert {each.state for each in told} == {"sound"}, told


@pytest.mark.parametrize(("kind", "name", "words"), ENTRIES)
def test_a_rotten_entry_of_every_kind_is_found(
    rotten: list[Finding], kind: str, name: str, words: str
) -> None:
    about = [each for each in rotten if (each.kind, each.name.partition(" (")[0]) == (kind, name)]
    assert [each.state for each in about if words in each.detail] == ["rotten"], about


def test_what_has_rotted_without_doubt_is_in_the_patch(rotten: list[Finding]) -> None:
    added = {
        line[1:].strip()
        for line in propose(rotten, texts(HERE), TODAY).diff.splitlines()
        if line.startswith("+") and not line.startswith("+++")
    }
    assert added >= {
        '- {series: "6.99", suffix: generic, flavour: generic-hwe-22.04, title: HWE}',
        "security_floor: 580.999.01",
        "latest: 595.999.02",
        "version: 1.99.0-1",
        "as_of: 2026-12-24",
    }


def run(address: str, place: Path, *options: str) -> tuple[int, str, str]:
    lab = place / "lab.yml"
    hosts = {"cpu1": {"address": "192.0.2.1"}}
    lab.write_text(yaml.safe_dump({"lab": "test", "hosts": hosts, "repositories": REPOSITORIES}))
    where = ["--connect-to", address, "--certificate-authority", str(place / "news.crt"), "--lab", str(lab)]
    done = CliRunner().invoke(command.build(BUILT_IN), ["check-upstreams", *where, *options])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_shows_what_it_found_and_exits_1(rotten_server: str, place: Path) -> None:
    status, output, _ = run(rotten_server, place, "--os", "debian-12", "--only", "docs.nvidia.com")
    assert status == 1
    assert "branch 990 (new feature branch, 990.10.01 of 2026-12-16) is not in the catalog" in output
    last = output.splitlines()[-1]
    assert last.startswith("xpulab: checked=")
    assert " rotten=2 " in last
    assert " unchecked=0 " in last


def test_the_proposed_patch_alone_is_on_the_standard_output(rotten_server: str, place: Path) -> None:
    only = ("--only", "docs.nvidia.com,registry-1.docker.io", "--os", "debian-12")
    status, output, errors = run(rotten_server, place, *only, "--propose")
    assert status == 1
    assert output.startswith(
        "--- a/xpulab/catalog/nvidia/driver.yml\n+++ b/xpulab/catalog/nvidia/driver.yml\n"
    )
    assert "+    latest: 595.999.02\n" in output
    assert "left to a person: images.yml: pytorch/pytorch > tags: newer than all" in errors
    assert "xpulab: checked=" in errors


def test_a_server_that_is_down_leaves_things_unchecked_and_the_command_exits_3(place: Path) -> None:
    with serve(place / "news.crt", place / "www") as address:
        pass
    status, output, _ = run(address, place, "--os", "debian-12", "--only", "docs.nvidia.com")
    assert status == 3
    assert "docs.nvidia.com: [Errno" in output
    assert " rotten=0 " in output.splitlines()[-1]


def test_a_server_that_nothing_is_asked_of_is_a_mistake(rotten_server: str, place: Path) -> None:
    status, _, errors = run(rotten_server, place, "--os", "debian-12", "--only", "docs.nvidia.org")
    assert status == 2
    assert "nothing is asked of docs.nvidia.org" in " ".join(errors.replace("│", " ").split())
