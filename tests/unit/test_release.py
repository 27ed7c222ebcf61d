"""A release, made of a toolkit and no packages: those come from PyPI, and the testbed's tests have them."""

from __future__ import annotations

import subprocess
import tarfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pages.requirements import REQUIREMENTS, requirements
from tests.unit.own_roles_page import write_lab
from xpulab import command as cli
from xpulab.releasing import release
from xpulab.roles import BUILT_IN

MADE = datetime(2026, 11, 24, 12, 5, tzinfo=timezone.utc)


class Owner:
    """A lab owner's folder: a key, and a lab whose hosts take what it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key, self.lab = folder, folder / "key", folder / "lab.yml"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.describe(self.key.with_suffix(".pub").read_text().strip())

    def describe(self, *signers: str) -> None:
        hosts = [
            f"  gpu-{number}: {{pull: {{url: 'https://r.example/lab', signers: ['{key}']}}}}"
            for number, key in enumerate(signers)
        ]
        self.lab.write_text("\n".join(["lab: x", "hosts:", "  push-only:", *hosts, ""]))

    def write(self, out: str) -> Path:
        release.write(self.folder / out, self.key, self.lab, (), MADE)
        return self.folder / out

    def command(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            cli.build(BUILT_IN), ["release", str(self.folder / "out"), "--lab", str(self.lab), *arguments]
        )
        return done.exit_code, done.output


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


def test_it_says_when_it_was_made_and_what_its_tarball_must_be(owner: Owner) -> None:
    out = owner.write("out")
    (tarball,) = out.glob("*.tar.xz")
    first, serial, part = (out / "release").read_text().splitlines()
    assert (first, serial) == ("xpulab-release 1", "serial 20261124120500")
    digest = subprocess.run(["sha256sum", tarball], capture_output=True, text=True).stdout.split()[0]
    assert part == f"part toolkit {tarball.name} {tarball.stat().st_size} {digest}"


def test_the_toolkit_has_what_a_pull_runs_and_the_lab_file_and_nothing_for_the_control_node(
    owner: Owner,
) -> None:
    (tarball,) = owner.write("out").glob("*.tar.xz")
    with tarfile.open(tarball) as opened:
        names = set(opened.getnames())
        assert {entry.uid for entry in opened} == {0}
    needed = {"deploys/pull.py", "inventories/pull.py", "config.py", "xpulab/shell/probe.sh", "LICENSE"}
    assert needed | {"inventories/lab.yml", "xpulab/templates/usr/local/lib/xpulab/pull.j2"} <= names
    outside = (
        "tests/",
        "testbed/",
        "docs/",
        ".",
        "xpulab/verify/",
        "xpulab/laying_out/",
        "xpulab/releasing/",
    )
    assert not [name for name in names if name.startswith(outside) or ".pyc" in name or "/." in name]


def test_its_packages_are_those_of_the_lock_file() -> None:
    assert REQUIREMENTS.read_text(encoding="utf-8") == requirements(), "run: python -m pages"


@pytest.mark.parametrize("named", ["roles", "of-our-own"])
def test_the_labs_own_roles_are_in_it_wherever_they_lie_and_what_was_compiled_of_them_is_not(
    owner: Owner, named: str
) -> None:
    write_lab(owner.folder / "physics")
    (owner.folder / "physics" / "roles").rename(owner.folder / named)
    (owner.folder / named / "__pycache__").mkdir()
    (owner.folder / named / "__pycache__" / "scratch.pyc").touch()
    if named != "roles":
        owner.lab.write_text(f"roles: {named}\n{owner.lab.read_text()}")
    (tarball,) = owner.write("out").glob("*.tar.xz")
    with tarfile.open(tarball) as opened:
        roles = {name for name in opened.getnames() if name.startswith("inventories/roles")}
    names = ("_kernel_parameter.py", "scratch.py", "sysctl.py")
    assert roles == {f"inventories/roles/{name}" for name in names}


def test_the_same_sources_give_the_same_tarball(owner: Owner) -> None:
    (first,), (second,) = owner.write("a").glob("*.tar.xz"), owner.write("b").glob("*.tar.xz")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_its_signature_is_one_that_a_host_accepts(owner: Owner) -> None:
    out = owner.write("out")
    signers = owner.folder / "signers"
    key = owner.key.with_suffix(".pub").read_text()
    signers.write_text(f'xpulab namespaces="xpulab-release" {key}')
    verify: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        signers,
        "-I",
        "xpulab",
        "-n",
        "xpulab-release",
    ]
    verify += ["-s", out / "release.sig"]
    text = (out / "release").read_text()
    assert subprocess.run(verify, input=text, text=True, capture_output=True).returncode == 0
    assert subprocess.run(verify, input=f"{text} ", text=True, capture_output=True).returncode != 0


def test_a_missing_lab_file_or_key_is_named(owner: Owner) -> None:
    status, output = owner.command("--sign", str(owner.folder / "none"))
    assert (status, "there is no key" in output, "ssh-keygen -t ed25519" in output) == (1, True, True)
    owner.lab.unlink()
    status, output = owner.command("--sign", str(owner.key))
    assert (status, "cannot be read" in output) == (1, True)


def test_without_a_name_the_lab_is_the_one_of_this_folder(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XPULAB_LAB", raising=False)
    monkeypatch.chdir(owner.folder)
    run = ["release", "out", "--sign", "none"]
    assert "there is no key none" in CliRunner().invoke(cli.build(BUILT_IN), run).output
    owner.lab.rename("other.yml")
    run[3:] = [str(owner.key)]
    done = CliRunner().invoke(cli.build(BUILT_IN), run)
    assert done.exit_code == 1
    assert "there is no lab.yml or inventories/lab.yml here: name the lab's file by --lab" in done.output


def test_a_key_that_no_host_knows_makes_no_release(owner: Owner) -> None:
    known = owner.key.with_suffix(".pub").read_text().strip()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", owner.folder / "other"], check=True)
    status, output = owner.command("--sign", str(owner.folder / "other"))
    assert (status, "no host would take this release" in output) == (1, True)
    owner.describe()
    status, output = owner.command("--sign", str(owner.key))
    assert (status, "no host of the lab pulls" in output) == (1, True)
    owner.describe(known)
    assert not (owner.folder / "out").exists()


def test_a_host_whose_description_is_wrong_stops_the_release(owner: Owner) -> None:
    owner.lab.write_text(f"{owner.lab.read_text()}  bad: {{polcy: x}}\n")
    status, output = owner.command("--sign", str(owner.key))
    assert status == 1
    assert "hosts.bad: polcy: unknown key" in output.replace("\n", "")


def test_a_missing_tool_is_named(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(owner.folder))
    status, output = owner.command("--sign", str(owner.key))
    assert status == 1
    assert "is not installed" in output
