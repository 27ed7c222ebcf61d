from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.probe_answers import NV_3090, answer
from xpulab.probing.observed import AptLock, AptSource, FoundContainer, FoundImage, Observed
from xpulab.probing.probe import Probe
from xpulab.probing.records import ProbeError, parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched

PROBE = Path(__file__).parents[2] / "xpulab" / "shell" / "probe.sh"


def test_the_real_script_answers_on_this_machine_with_something_that_parses() -> None:
    watched = Watched(
        files=("/etc/pass*d", "/etc/there is none".replace(" ", "-")),
        contents=("/etc/hostname",),
        users=("root", "nobody-has-this-name"),
        groups=("root",),
        facts={"greeting": "echo hello; echo 'it''s me'"},
    )
    done = subprocess.run(["sh", "-c", probe_script(watched)], capture_output=True, text=True, check=True)
    observed = parse(done.stdout.splitlines())
    assert observed.kernel == subprocess.run(["uname", "-r"], capture_output=True, text=True).stdout.strip()
    assert observed.engine_free_bytes > 0
    assert observed.users == {"root"} and set(observed.groups) == {"root"}
    assert set(observed.files) == {"/etc/passwd"}
    assert observed.contents == {"/etc/hostname": Path("/etc/hostname").read_text()}
    assert observed.facts == {"greeting": "hello\nits me\n"}


def test_a_pci_function_is_read_with_ids_and_class() -> None:
    (function,) = parse(answer(pci=(NV_3090,))).pci
    assert (function.pci_id, function.pci_class) == ("10de:2204", "030000")


def test_a_container_is_read_with_state_health_image_and_configuration() -> None:
    record = "container\txpulab-workbench\trunning\thealthy\tregistry.lab.test/x@sha256:1\tabc"
    found = FoundContainer("running", "healthy", "registry.lab.test/x@sha256:1", "abc")
    assert parse(answer(record)).containers == {"xpulab-workbench": found}


def test_a_removed_package_that_left_its_configuration_is_not_installed() -> None:
    lines = answer()
    lines[lines.index("packages\t")] = "packages\tdocker.io=26.1=rc ;runc=1.1=ii ;docker-ce=27=iU ;zfs=2=hi ;"
    packages = parse(lines).packages
    assert set(packages) == {"runc", "docker-ce", "zfs"}
    assert packages["runc"].intact
    assert not packages["docker-ce"].intact
    assert packages["zfs"].held


def test_units_images_sources_and_locks_are_read() -> None:
    observed = parse(
        answer(
            "unit\tdocker.service\tloaded\tactive\tenabled\tTue 2026-11-24 12:05:00.250000 UTC",
            "unit\tgone.service\tnot-found\tinactive\t\t",
            f"image\tpytorch/pytorch\t<none>\tsha256:{'a' * 64}",
            "apt-source\t/etc/apt/sources.list\thttp://archive.ubuntu.com/ubuntu\tjammy",
            "apt-lock\t/var/lib/dpkg/lock\t812\tunattended-upgr",
            "file\t/etc/docker/daemon.json\tabc\t644\troot:root\t1795521900.500000\t20",
        )
    )
    assert observed.units["docker.service"].active_since == 1795521900.25
    assert not observed.units["gone.service"].loaded
    assert observed.images == (FoundImage("pytorch/pytorch", None, f"sha256:{'a' * 64}"),)
    assert observed.apt_sources == (
        AptSource("/etc/apt/sources.list", "http://archive.ubuntu.com/ubuntu", "jammy"),
    )
    assert observed.apt_lock == AptLock("/var/lib/dpkg/lock", 812, "unattended-upgr")
    assert observed.files["/etc/docker/daemon.json"].mode == "0644"


def test_a_login_banner_before_the_answer_is_passed_over() -> None:
    assert parse(["Welcome to the lab", *answer()]).os == "ubuntu-22.04"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "did not answer"),
        (["<html>"], "'<html>'"),
        (answer()[:-1], "cut off"),
        (["xpulab-probe\t2", "os\tubuntu", "end"], "garbled"),
    ],
)
def test_garbage_is_an_error_in_words(lines: list[str], words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        parse(lines)


@given(st.lists(st.sampled_from([*answer(pci=(NV_3090,)), "pci\t\t\t", "file\tx", "\x00", "machine"])))
def test_a_fact_never_raises_whatever_a_host_answers(lines: list[str]) -> None:
    assert isinstance(Probe().process(["xpulab-probe\t2", *lines, "end"]), Observed | ProbeError)


def test_deb822_sources_are_read_by_stanza_with_their_continuation_lines(tmp_path: Path) -> None:
    (tmp_path / "a.sources").write_text(
        "Types: deb\nURIs: http://one\n http://two\nSuites:\n jammy jammy-updates\n\n"
        "# a note: URIs: http://none\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: jammy\n\n"
        "Types: deb\nSuites: stable other\nURIs: http://three http://four\n"
    )
    script = probe_script(Watched()).replace("/etc/apt/sources.list.d", str(tmp_path))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    found = [
        (each.uri, each.suite)
        for each in parse(done.stdout.splitlines()).apt_sources
        if "a.sources" in each.path
    ]
    assert found == [
        ("http://one", "jammy"),
        ("http://two", "jammy"),
        ("http://three", "stable"),
        ("http://four", "stable"),
    ]
