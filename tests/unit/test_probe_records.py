from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.probe_answers import NV_3090, answer
from xpulab.probing.observed import AptLock, AptSource, FoundContainer, FoundImage, Observed, PciFunction
from xpulab.probing.probe import Probe
from xpulab.probing.records import ProbeError, parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched, WatchedModule

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
    assert observed.users == {"root": "root"} and set(observed.groups) == {"root"}
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
        (["xpulab-probe\t3", "os\tubuntu", "end"], "garbled"),
    ],
)
def test_garbage_is_an_error_in_words(lines: list[str], words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        parse(lines)


@given(st.lists(st.sampled_from([*answer(pci=(NV_3090,)), "pci\t\t\t", "file\tx", "\x00", "machine"])))
def test_a_fact_never_raises_whatever_a_host_answers(lines: list[str]) -> None:
    assert isinstance(Probe().process(["xpulab-probe\t3", *lines, "end"]), Observed | ProbeError)


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
        ("http://one", "jammy-updates"),
        ("http://two", "jammy"),
        ("http://two", "jammy-updates"),
        ("http://three", "stable"),
        ("http://three", "other"),
        ("http://four", "stable"),
        ("http://four", "other"),
    ]


def a_function(folder: Path, address: str, **files: str) -> Path:
    place = folder / address
    place.mkdir(parents=True)
    known = {"vendor": "0x10de", "device": "0x2204", "class": "0x030000", "revision": "0xa1"}
    for name, text in {**known, **files}.items():
        (place / name).write_text(f"{text}\n")
    return place


def looked_at(folder: Path, watched: Watched) -> Observed:
    script = probe_script(watched).replace("/sys/bus/pci/devices", str(folder))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    return parse(done.stdout.splitlines())


def test_what_the_kernel_makes_of_an_accelerator_is_seen(tmp_path: Path) -> None:
    assigned = "0xf0000000 0xf0ffffff 0x40200"
    free, unassigned = "0x0 0x0 0x0", "0x0 0xfffffff 0x20140204"
    good = a_function(
        tmp_path,
        "0000:01:00.0",
        subsystem_vendor="0x1043",
        subsystem_device="0x87b3",
        uevent="DRIVER=nvidia\nPCI_CLASS=30000",
        resource="\n".join([assigned, unassigned, *[free] * 11]),
    )
    (good / "drm" / "renderD128").mkdir(parents=True)
    a_function(tmp_path, "0000:02:00.0", uevent="PCI_CLASS=30000", revision="0xff")
    (a_function(tmp_path, "0000:03:00.0", uevent="") / "config").write_bytes(b"\xff" * 64)
    (a_function(tmp_path, "0000:04:00.0", uevent="") / "config").write_bytes(b"\xde\x10\x04\x22")
    a_function(tmp_path, "0000:05:00.0", vendor="0x1a03", uevent="DRIVER=ast")
    watched = Watched(modules=(WatchedModule("nvidia", "0x10de"),))
    seen = {each.address[5:7]: each for each in looked_at(tmp_path, watched).pci}
    assert seen["01"] == PciFunction(
        "0000:01:00.0",
        "10de",
        "2204",
        "030000",
        "1043:87b3",
        "nvidia",
        True,
        True,
        False,
        (1 << 24, 0, 0, 0, 0),
    )
    assert seen["02"] == PciFunction("0000:02:00.0", "10de", "2204", "030000", answers=False)
    assert not seen["03"].answers and seen["04"].answers
    assert seen["05"] == PciFunction("0000:05:00.0", "1a03", "2204", "030000")


def test_a_region_of_64_bits_fills_two_lines_as_on_an_h100(tmp_path: Path) -> None:
    free = "0x0 0x0 0x0"
    lines = ["0x1000000 0x1ffffff 0x140204", free, "0x2000000000 0x3fffffffff 0x14220c", free]
    a_function(tmp_path, "0000:1b:00.0", uevent="", resource="\n".join([*lines, *[free] * 9]))
    (function,) = looked_at(tmp_path, Watched(modules=(WatchedModule("nvidia", "0x10de"),))).pci
    assert function.region_bytes[:2] == (1 << 24, 128 << 30)


def test_a_virtual_function_is_told_from_the_card(tmp_path: Path) -> None:
    a_function(tmp_path, "0000:03:00.0", uevent="DRIVER=nvidia")
    (a_function(tmp_path, "0000:03:00.1", uevent="") / "physfn").symlink_to("../0000:03:00.0")
    functions = looked_at(tmp_path, Watched(modules=(WatchedModule("nvidia", "0x10de"),))).pci
    assert [each.virtual for each in functions] == [False, True]


def test_users_are_known_by_the_name_that_the_host_gives_them() -> None:
    watched = Watched(users=("root", "no.such@example", "daemon"))
    done = subprocess.run(["sh", "-c", probe_script(watched)], capture_output=True, text=True, check=True)
    assert parse(done.stdout.splitlines()).users == {"root": "root", "daemon": "daemon"}


def test_a_directory_may_answer_with_another_spelling(tmp_path: Path) -> None:
    (tmp_path / "getent").write_text(
        '#!/bin/sh\n[ "$1 $2" != "passwd ada@corp" ] || echo ada:x:1:1::/:/bin/sh\n'
    )
    (tmp_path / "getent").chmod(0o755)
    script = probe_script(Watched(users=("ada@corp", "nobody.else")))
    script = script.replace('PATH="$PATH', f'PATH="{tmp_path}:$PATH')
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert parse(done.stdout.splitlines()).users == {"ada@corp": "ada"}


@pytest.mark.parametrize(
    ("daemon_json", "folders", "place"),
    [
        ("", (), "docker"),
        ('{"data-root": "ROOT/big"}', ("big",), "big"),
        ('{"data-root": "ROOT/not/yet"}', (), "not/yet"),
        ("", ("docker", "containerd/io.containerd.snapshotter.v1.overlayfs"), "containerd"),
        ("", ("docker/image", "containerd/io.containerd.snapshotter.v1.overlayfs"), "docker"),
    ],
    ids=["default", "data-root", "not there yet", "containerd's store", "the old store"],
)
def test_the_space_that_counts_is_where_the_engine_keeps_images(
    tmp_path: Path, daemon_json: str, folders: tuple[str, ...], place: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "daemon.json").write_text(daemon_json.replace("ROOT", str(tmp_path)))
    script = probe_script(Watched()).replace("/etc/docker/daemon.json", str(tmp_path / "daemon.json"))
    script = script.replace("/var/lib/", f"{tmp_path}/").replace(f"{tmp_path}/dpkg", "/var/lib/dpkg")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert parse(done.stdout.splitlines()).engine_root == str(tmp_path / place)


def test_where_an_installed_version_comes_from_is_seen(tmp_path: Path) -> None:
    (tmp_path / "dpkg-query").write_text("#!/bin/sh\nprintf 'libze1=1.20=ii ;clinfo=3=ii ;'\n")
    asked = "[ \"$*\" = 'policy libze1 clinfo' ]"
    (tmp_path / "apt-cache").write_text(f"#!/bin/sh\n{asked} && cat {tmp_path}/policy\n")
    (tmp_path / "policy").write_text(
        "libze1:\n  Installed: 1.20\n  Candidate: 1.21\n  Version table:\n     1.21 500\n"
        "        500 https://a.example/ubuntu jammy/unified amd64 Packages\n *** 1.20 500\n"
        "        500 http://b.example/ubuntu jammy/universe amd64 Packages\n"
        "        100 /var/lib/dpkg/status\n"
        "     1.19 500\n        500 http://c.example jammy/main amd64 Packages\n"
        "clinfo:\n  Installed: 3\n  Candidate: 3\n  Version table:\n *** 3 100\n"
        "        100 /var/lib/dpkg/status\n"
    )
    for name in ("dpkg-query", "apt-cache"):
        (tmp_path / name).chmod(0o755)
    script = probe_script(Watched(origins=("libze1", "intel-gsc", "clinfo")))
    script = script.replace('PATH="$PATH', f'PATH="{tmp_path}:$PATH')
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert parse(done.stdout.splitlines()).origins == {
        "libze1": (("http://b.example/ubuntu", "jammy/universe"),)
    }


def test_a_data_root_whose_top_folder_is_not_there_yet_is_measured_above_it(tmp_path: Path) -> None:
    (tmp_path / "daemon.json").write_text('{"data-root": "/no-such-folder-here"}')
    script = probe_script(Watched()).replace("/etc/docker/daemon.json", str(tmp_path / "daemon.json"))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=20)
    assert parse(done.stdout.splitlines()).engine_root == "/no-such-folder-here"
