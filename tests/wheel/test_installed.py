"""Every command of an installed xpulab, and runs in a lab that `xpulab init` laid out."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from tests.wheel.installed import ROOT, Installed, build, fakes
from xpulab import command
from xpulab.releasing import release
from xpulab.roles import BUILT_IN

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WHAT_THE_DEPLOY_READS = """
from pathlib import Path
from xpulab import roles
from xpulab.converging import converge, report
from xpulab.desired.lab import load_lab
print(load_lab(Path("inventories/lab.yml"), roles.BUILT_IN).hosts[0][0])
"""
URL = "https://releases.example.org/x"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("tool")
    return Installed(build(folder, "--wheel"), folder)


@pytest.fixture
def lab(installed: Installed, tmp_path: Path) -> Path:
    """The folder of a new lab, in which nothing is described yet."""
    done = installed("xpulab", "init", "lab", at=tmp_path)
    assert done.status == 0, done.everything
    return tmp_path / "lab"


def describe(lab: Path, *lines: str) -> None:
    (lab / "lab.yml").write_text("\n".join(["lab: x", *lines, ""]))


@contextmanager
def busy_sshd() -> Iterator[tuple[int, list[object]]]:
    """A port that hangs up on everybody, and whom it hung up on."""
    callers: list[object] = []

    class HangUp(BaseRequestHandler):
        def handle(self) -> None:
            callers.append(self.client_address)

    with ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], callers
        server.shutdown()


def test_nothing_of_the_checkout_is_imported(installed: Installed) -> None:
    script = (
        "import xpulab, importlib.util as u; "
        "print(xpulab.__file__, u.find_spec('roles'), u.find_spec('templates'))"
    )
    done = subprocess.run([installed.python, "-c", script], cwd="/", capture_output=True, text=True)
    assert done.stdout.startswith(str(installed.folder))
    assert done.stdout.endswith(".py None None\n"), done.stderr


@pytest.mark.parametrize("asked", [("10de:2204",), ("8086:e20b", "--os", "ubuntu-24.04"), ("--here",)])
def test_explain_answers_as_in_the_checkout(installed: Installed, asked: tuple[str, ...]) -> None:
    done = installed("xpulab", "explain", "--json", *asked)
    here = CliRunner().invoke(command.build(BUILT_IN), ["explain", "--json", *asked])
    assert (done.output, done.status) == (here.stdout, here.exit_code), done.errors
    assert any(json.loads(done.output).values()), done.output


def test_check_upstreams_says_in_words_that_nobody_answers(installed: Installed) -> None:
    done = installed("xpulab", "check-upstreams", "--os", "debian-12", "--connect-to", "127.0.0.1")
    assert done.status == 3
    assert " rotten=0 " in done.last_line
    assert " unchecked=0 " not in done.last_line
    assert done.errors == ""


def test_init_copies_the_toolkits_own_files(lab: Path) -> None:
    deploys = [path.relative_to(ROOT) for path in (ROOT / "deploys").glob("*.py")]
    copies = {Path("config.py"): Path("config.py"), Path("lab.yml"): Path("inventories/example.yml")}
    for copy, source in (copies | {each: each for each in deploys}).items():
        assert (lab / copy).read_bytes() == (ROOT / source).read_bytes(), copy


def test_a_second_init_overwrites_nothing_and_says_so(installed: Installed, lab: Path) -> None:
    describe(lab, "hosts: {}")
    (lab / "README.md").unlink()
    done = installed("xpulab", "init", at=lab)
    assert done.status == 0
    assert "left lab.yml, which was there" in done.output
    assert [line for line in done.output.splitlines() if line.startswith("wrote")] == ["wrote README.md"]
    assert (lab / "lab.yml").read_text() == "lab: x\nhosts: {}\n"


def test_init_where_there_can_be_no_folder_is_an_error_in_words(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = installed("xpulab", "init", "taken", at=tmp_path)
    assert done.status == 1
    assert done.errors.startswith("xpulab: taken")


def test_a_dry_run_finds_what_differs(installed: Installed, lab: Path) -> None:
    environment = fakes(lab.parent / "fakes")
    inventory = lab.parent / "fakes" / "tests" / "unit" / "fake_lab.py"
    done = installed("pyinfra", "-y", "--dry", inventory, "deploys/xpu.py", at=lab, **environment)
    assert done.last_line == "xpulab: hosts=4 converged=0 changed=0 refused=0 failed=0 drifted=4", done.errors
    assert done.status == 0


def test_a_role_of_the_labs_own_takes_part(installed: Installed, lab: Path) -> None:
    environment = fakes(lab / "fakes")
    (lab / "roles" / "_example.py").rename(lab / "roles" / "time.py")
    (lab / "fake.py").write_text(
        "from tests.unit.fake_lab import hosts as _hosts\n"
        "hosts = [(name, {**data, 'time': {'server': 'ntp.lab'}}) for name, data in _hosts]\n"
    )
    done = installed("pyinfra", "-y", "fake.py", "deploys/survey.py", at=lab, **environment)
    assert done.output.count("package chrony: not there → installed") == 4, done.everything
    assert "/etc/chrony/sources.d/lab.sources" in done.output


def test_an_example_that_nobody_changed_is_a_lab(installed: Installed, lab: Path) -> None:
    done = installed("pyinfra", "inventory.py", "debug-inventory", at=lab)
    assert done.status == 0, done.errors
    assert "gpu-01" in done.everything


def test_a_lab_without_its_file_says_what_to_write(installed: Installed, lab: Path) -> None:
    (lab / "lab.yml").unlink()
    done = installed("pyinfra", "-y", "inventory.py", "deploys/survey.py", at=lab)
    assert done.status != 0
    assert "no lab to work on: describe your hosts in lab.yml" in done.everything


def test_a_busy_host_is_tried_three_times_and_then_reported(installed: Installed, lab: Path) -> None:
    with busy_sshd() as (port, callers):
        describe(lab, "hosts:", f"  busy: {{address: 127.0.0.1, ssh_port: {port}, ssh_user: nobody}}")
        done = installed("pyinfra", "-y", "inventory.py", "deploys/xpu.py", at=lab)
    assert len(callers) == 3
    assert done.last_line == "xpulab: hosts=1 converged=0 changed=0 refused=0 failed=1"
    assert "busy: no connection: SSH error" in done.output
    assert done.status == 1


def test_verify_runs_the_labs_own_checks_beside_its_own(installed: Installed, lab: Path) -> None:
    (lab / "tests" / "verify" / "test_own.py").write_text(
        "def test_is_reached(lab_host):\n    assert lab_host.shell.run('true').rc == 0\n"
    )
    done = installed("xpulab", "verify", "--lab=@local", "-q", at=lab)
    assert "verify: hosts=1 verified=0 passed=1 failed=1 skipped=0" in done.output, done.everything
    assert done.status == 1


class Release:
    """A release that the installed xpulab made of a lab with a role of its own."""

    def __init__(self, installed: Installed, folder: Path) -> None:
        installed("xpulab", "init", "lab", at=folder)
        lab = self.lab = folder / "lab"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lab / "id_release"], check=True)
        signer = (lab / "id_release.pub").read_text().strip()
        describe(lab, "hosts:", f"  a: {{pull: {{url: '{URL}', signers: ['{signer}']}}}}")
        (lab / "roles" / "_example.py").rename(lab / "roles" / "time.py")
        done = installed("xpulab", "release", "release", "--sign", "id_release", "--python", PYTHON, at=lab)
        assert done.status == 0, done.everything
        (self.toolkit,) = (lab / "release").glob("toolkit-*.tar.xz")
        (self.packages,) = (lab / "release").glob(f"python{PYTHON}-*.tar.xz")


@pytest.fixture(scope="module")
def released(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release(installed, tmp_path_factory.mktemp("released"))


def test_a_release_is_the_one_that_the_checkout_makes(released: Release, tmp_path: Path) -> None:
    release.write(
        tmp_path, released.lab / "id_release", released.lab / "lab.yml", (), datetime.now(timezone.utc)
    )
    (toolkit,) = tmp_path.glob("toolkit-*.tar.xz")
    assert toolkit.name == released.toolkit.name
    assert toolkit.read_bytes() == released.toolkit.read_bytes()


def test_a_host_can_run_what_a_release_brings(
    installed: Installed, released: Release, tmp_path: Path
) -> None:
    toolkit, packages = tmp_path / "toolkit", tmp_path / "packages"
    for part, folder in ((released.toolkit, toolkit), (released.packages, packages)):
        with tarfile.open(part) as opened:
            opened.extractall(folder, filter="data")

    def on_host(*arguments: str) -> str:
        # Without site-packages: a host has the release alone.
        done = subprocess.run(
            [installed.python, "-S", *arguments],
            cwd=toolkit,
            env={"PYTHONPATH": f"{packages}:{toolkit}", "PYINFRA_PROGRESS": "off"},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    assert on_host("-c", WHAT_THE_DEPLOY_READS) == "a\n"
    pulled = on_host("-m", "pyinfra", "-y", "inventories/pull.py", "deploys/pull.py")
    assert "/etc/xpulab/pull.conf does not say which host this is" in pulled
    assert (toolkit / "inventories" / "roles" / "time.py").is_file()
