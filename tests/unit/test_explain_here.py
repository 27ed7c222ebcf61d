"""`xpulab explain --here`: this machine, and what is said beside it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import distro
import pytest
from typer.testing import CliRunner, Result

from tests.unit.sample_hosts import ARC_B580, K40, RTX_3090, UHD_770, V100, host
from xpulab import command as cli
from xpulab.explaining import here
from xpulab.probing.observed import FoundImage
from xpulab.probing.records import parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched
from xpulab.roles import BUILT_IN

APP = cli.build(BUILT_IN)
PCI = "/sys/bus/pci/devices"

PROBE = probe_script(Watched())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, ["explain", "--here", *arguments], input="")


def answer(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def target(*arguments: str) -> dict[str, Any]:
    found = answer(*arguments)
    assert found["refusal"] is None, found
    return dict(found["target"])


@pytest.fixture
def this_is(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this machine another one."""
    return lambda machine: monkeypatch.setattr(here, "machine", lambda: machine)


def on_a_bus(folder: Path, *functions: tuple[str, str, str]) -> str:
    """The probe's script with a PCI bus of its own: (vendor, device, class) of each function."""
    for number, ids in enumerate(functions):
        function = folder / f"0000:{number:02x}:00.0"
        function.mkdir(parents=True)
        for name, value in zip(("vendor", "device", "class"), ids, strict=True):
            (function / name).write_text(f"0x{value}\n")
    assert PCI in PROBE
    return PROBE.replace(PCI, str(folder))


def test_the_real_machine_is_described_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-c", "from xpulab.command import main; main()", "explain", "--here"]
    page = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    (first, *_) = page.stdout.splitlines()
    assert first.startswith("this machine: ")
    assert f" on {distro.id()}-{distro.version()}, kernel {os.uname().release}" in first
    found = json.loads(
        subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert set(found) == {"target", "refusal"}


def test_it_is_what_a_run_on_this_machine_would_find() -> None:
    probed = parse(subprocess.run(["sh", "-c", PROBE], capture_output=True, text=True).stdout.splitlines())
    found = here.machine()
    assert (found.os, found.kernel, found.architecture) == (probed.os, probed.kernel, probed.architecture)
    assert (found.pci, found.secure_boot, found.images) == (probed.pci, probed.secure_boot, probed.images)


@pytest.mark.skipif(os.geteuid() != 0, reason="runs as an ordinary user anyway")
def test_an_ordinary_user_sees_what_the_resolver_asks_for() -> None:
    as_nobody = f"exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c {shlex.quote(PROBE)}"
    seen, by_root = here.machine(as_nobody), here.machine()
    assert (seen.pci, seen.kernel, seen.secure_boot) == (by_root.pci, by_root.kernel, by_root.secure_boot)
    assert seen.engine_free_bytes > 0


def test_the_pci_bus_is_read_and_only_what_could_be_an_accelerator_is_named(
    tmp_path: Path, this_is: Any
) -> None:
    machine = here.machine(
        on_a_bus(tmp_path, ("8086", "0d57", "060000"), ("10de", "2204", "030000"), ("10de", "1aef", "040300"))
    )
    assert [each.pci_id for each in machine.pci] == ["8086:0d57", "10de:2204", "10de:1aef"]
    this_is(machine)
    assert run("--os", "ubuntu-24.04").stdout.startswith("this machine: 10de:2204 on ubuntu-24.04")


def test_a_machine_without_a_pci_bus_is_a_cpu_host(tmp_path: Path, this_is: Any) -> None:
    machine = here.machine(on_a_bus(tmp_path / "absent"))
    assert machine.pci == ()
    this_is(machine)
    assert run("--os", "debian-12").stdout.startswith("this machine: no accelerator on debian-12")
    assert target("--os", "debian-12")["vendor"] == "cpu"


def test_secure_boot_kernel_images_and_free_space_are_the_machines(this_is: Any) -> None:
    this_is(host(RTX_3090, secure_boot=True, kernel="5.15.0-90-generic"))
    assert target()["kernel"] == "5.15.0-90-generic"
    assert ", Secure Boot on" in run().stdout.splitlines()[0]
    this_is(host(RTX_3090, engine_free_bytes=10**9))
    assert "free disk space" in answer()["refusal"]["reason"]
    repository, tag = target("--os", "ubuntu-24.04")["image"].split(":")
    this_is(host(RTX_3090, engine_free_bytes=10**9, images=(FoundImage(repository, tag, None),)))
    assert target()["image"] == f"{repository}:{tag}"


def test_policy_is_asked_of_this_machine_too(this_is: Any) -> None:
    this_is(host(K40))
    assert "Kepler" in answer()["refusal"]["reason"]
    assert target("--policy", "unsupported=cpu")["vendor"] == "cpu"
    this_is(host(RTX_3090))
    assert target("--nvidia-driver", "595")["driver"]["branch"] == "595"


def test_ids_take_the_place_of_the_devices_and_the_rest_stays(this_is: Any) -> None:
    this_is(host(V100, UHD_770, kernel="5.15.0-90-generic", engine_free_bytes=10**9))
    assert "free disk space" in answer(RTX_3090)["refusal"]["reason"]
    this_is(host(V100, UHD_770, kernel="5.15.0-90-generic"))
    found = target(RTX_3090)
    assert [each["pci_id"] for each in found["accelerators"]] == [RTX_3090]
    assert found["kernel"] == "5.15.0-90-generic"
    assert not [note for note in found["notes"] if "cared for until" not in note]
    assert run(RTX_3090).stdout.startswith("10de:2204 on ubuntu-22.04, kernel 5.15.0-90-generic\n")
    assert run("10de:ffff").exit_code == 3
    lines = run("--each", V100, RTX_3090).stdout.splitlines()
    assert [json.loads(line)["target"]["accelerators"][0]["pci_id"] for line in lines] == [V100, RTX_3090]


def test_a_kernel_and_secure_boot_take_the_place_of_the_machines(this_is: Any) -> None:
    this_is(host(RTX_3090, secure_boot=True))
    first = run("--kernel", "6.8.0-90-generic", "--no-secure-boot").stdout.splitlines()[0]
    assert first == "this machine: 10de:2204 on ubuntu-22.04, kernel 6.8.0-90-generic"
    this_is(host(RTX_3090))
    assert run("--secure-boot").stdout.splitlines()[0].endswith(", Secure Boot on")


def test_another_system_is_one_newly_installed_on_the_machine(this_is: Any) -> None:
    old = {"os_id": "fedora", "os_version": "43", "kernel": "6.17.1-300.fc43.x86_64"}
    this_is(host(ARC_B580, **old, snap_docker=True, engine_free_bytes=0, secure_boot=True))
    assert "fedora-43 is not supported" in answer()["refusal"]["reason"]
    assert target("--os", "ubuntu-24.04")["kernel"] == "linux-generic-hwe-24.04"
    first = run("--os", "ubuntu-24.04").stdout.splitlines()[0]
    assert first == "this machine: 8086:e20b on ubuntu-24.04, kernel 6.8.0-1-generic, Secure Boot on"
    this_is(host(RTX_3090, **old, architecture="aarch64"))
    assert "architecture aarch64" in answer("--os", "ubuntu-24.04")["refusal"]["reason"]


def test_its_own_system_said_again_changes_nothing(this_is: Any) -> None:
    this_is(host(RTX_3090, kernel="5.15.0-90-generic"))
    assert answer("--os", "ubuntu-22.04") == answer()


def test_a_machine_that_runs_no_linux_gets_the_ordinary_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(distro, "id", lambda: "darwin")
    monkeypatch.setattr(distro, "version", lambda: "24.1.0")
    assert answer()["refusal"] == {
        "reason": "operating system darwin-24.1.0 is not supported",
        "remedy": "install Ubuntu 22.04 LTS or Ubuntu 24.04 LTS or Ubuntu 26.04 LTS or Debian 12 "
        "or Debian 13",
    }


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo hello", "did not answer as one: 'hello'"), ("printf 'xpulab-probe\\t3\\nos\\t'", "was cut off")],
)
def test_a_machine_that_cannot_be_looked_at_exits_1_and_says_why(
    script: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "probe_script", lambda watched: script)
    result = run("--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "xpulab: this machine cannot be described: " in result.stderr and said in result.stderr


def test_a_probe_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "PATIENCE_S", 0.2)
    with pytest.raises(here.HereError, match=r"timed out after 0\.2 seconds"):
        here.machine("exec sleep 60")


def test_each_of_no_ids_is_no_question_about_this_machine() -> None:
    result = run("--here", "--each")
    assert result.exit_code == 2 and "takes ids" in " ".join(result.stderr.split())
