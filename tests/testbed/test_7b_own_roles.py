"""docs/own-roles.md, followed word for word on a host: pushed, changed, verified from outside, and pulled.

Of the testbed itself come the addresses of its key, known hosts, mirrors and images alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testbed.lab import ROOT, Finished, commands_over_ssh, installed, lab_file, on, provision_lab
from tests.testbed.test_7_pull import PYTHON_OF_HOST, SITE, WWW, long_after_a_push, pull, result
from tests.unit.own_roles_page import block, commands, write_lab

HOST = "cpu1"
UNIT = r"srv-fast\x2dscratch.mount"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
MOUNTED = "findmnt --noheadings --output FSTYPE,SIZE /srv/fast-scratch"
UNCHANGED = block("the second time").strip()
CHANGED = UNCHANGED.replace("changed=0", "changed=1")
pytestmark = pytest.mark.usefixtures("provisioned")

UNDO = rf"""
systemctl disable --now '{UNIT}'
rm -rf '{UNIT_FILE}' /etc/tmpfiles.d/scratch.conf /srv/fast-scratch /etc/sysctl.d/60-physics.conf
rm -rf /var/backups/physics
apt-get purge -y -q ncdu
systemctl daemon-reload
"""


class PagesLab:
    """The page's lab in a folder, as its reader has it."""

    def __init__(self, folder: Path) -> None:
        written = write_lab(folder)
        self.folder = folder
        self.said: dict[str, Any] = yaml.safe_load(written.read_text())
        needed = yaml.safe_load(lab_file(folder, *self.said["hosts"]).read_text())
        self.said = {**needed, **self.said, "defaults": {**needed["defaults"], **self.said["defaults"]}}
        self.file = folder / "lab.yml"
        self.say()

    def say(self, **of_the_host: Any) -> None:
        """Write the lab file, with this beside what the page says of the host."""
        hosts = {name: {**about, **of_the_host} for name, about in self.said["hosts"].items()}
        self.file.write_text(yaml.safe_dump({**self.said, "hosts": hosts}))

    def run(self, mark: str, more: str = "") -> Finished:
        """Run a block of the page's commands as it stands there, but for `more` after its last word."""
        environment = {"UV_NO_SYNC": "1", "UV_PROJECT_ENVIRONMENT": sys.prefix, "PYINFRA_PROGRESS": "off"}
        done = subprocess.run(
            ["sh", "-euc", commands(mark, self.folder).rstrip() + more],
            cwd=ROOT,
            env={**os.environ, "XPULAB_LAB": str(self.file), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        return Finished(done.returncode, done.stdout, done.stderr, 0)


@pytest.fixture(scope="module")
def lab(provisioned: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesLab]:
    """The page's lab after the page's first push; the host is as it was, afterwards."""
    lab = PagesLab(tmp_path_factory.mktemp("own") / "physics")
    first = lab.run("run: push")
    assert first.last_line == CHANGED, first.everything
    plan = first.output.partition("xpulab: hosts=1 converged=0 changed=0 refused=0 failed=0 drifted=1")[0]
    assert "package ncdu: not there → installed" in plan, first.everything
    assert f"service {UNIT}: not there → enabled and running" in plan
    yield lab
    on(HOST, UNDO)


def test_the_host_has_the_package_the_mount_and_what_cleans_it(lab: PagesLab) -> None:
    assert "ncdu" in installed(HOST)
    assert on(HOST, MOUNTED).split() == ["tmpfs", "64M"]
    assert on(HOST, "systemctl is-enabled " + UNIT.replace("\\", "\\\\")).strip() == "enabled"
    assert "e /srv/fast-scratch - - - 7d" in on(HOST, "systemd-tmpfiles --cat-config")


def test_the_second_push_changes_nothing_with_one_remote_command(lab: PagesLab) -> None:
    before = commands_over_ssh(HOST)
    second = provision_lab(lab.file)
    assert second.last_line == UNCHANGED, second.everything
    assert commands_over_ssh(HOST) - before == 1


def test_the_pages_checks_pass_beside_all_others(lab: PagesLab) -> None:
    verified = lab.run("run: verify")
    assert verified.status == 0, verified.everything
    assert re.search(r"test_scratch\.py \.\.\.", verified.output), verified.output
    assert "verify: hosts=1 verified=1" in verified.output


def test_the_pages_checks_notice_a_folder_that_is_no_memory(lab: PagesLab) -> None:
    on(HOST, f"systemctl disable --now '{UNIT}'")
    verified = lab.run("run: verify", " -k scratch")
    assert verified.status == 1, verified.everything
    assert "3 failed" in verified.output
    assert provision_lab(lab.file).last_line == CHANGED


def test_a_file_that_somebody_changed_is_put_right_and_its_mount_made_anew(lab: PagesLab) -> None:
    on(
        HOST,
        f"sed -i s/size=64M/size=32M/ '{UNIT_FILE}'; systemctl daemon-reload; systemctl restart '{UNIT}'",
    )
    assert on(HOST, MOUNTED).split() == ["tmpfs", "32M"]
    repaired = provision_lab(lab.file)
    assert repaired.last_line == CHANGED, repaired.everything
    assert on(HOST, MOUNTED).split() == ["tmpfs", "64M"]


def test_another_size_in_the_lab_file_is_another_size_on_the_host(lab: PagesLab) -> None:
    lab.say(scratch={"size": "48M"})
    assert provision_lab(lab.file).last_line == CHANGED
    assert on(HOST, MOUNTED).split() == ["tmpfs", "48M"]
    lab.say()
    assert provision_lab(lab.file).last_line == CHANGED


def test_a_mount_in_use_fails_its_host_with_systemds_words_and_is_made_anew_later(lab: PagesLab) -> None:
    on(HOST, "systemd-run --quiet --unit=in-use sh -c 'cd /srv/fast-scratch && exec sleep 600'")
    lab.say(scratch={"size": "48M"})
    failed = provision_lab(lab.file)
    assert failed.last_line == "xpulab: hosts=1 converged=0 changed=1 refused=0 failed=1", failed.everything
    assert f"start {UNIT}" in failed.output, failed.everything
    on(HOST, "systemctl stop in-use")
    assert provision_lab(lab.file).last_line == CHANGED
    lab.say()
    assert provision_lab(lab.file).last_line == CHANGED


def test_a_misspelt_key_of_the_role_is_refused_before_the_host_is_touched(lab: PagesLab) -> None:
    lab.say(scratch={"sice": "1G"})
    before = commands_over_ssh(HOST)
    refused = provision_lab(lab.file)
    assert refused.last_line == "xpulab: hosts=1 converged=0 changed=0 refused=1 failed=0"
    assert "scratch.sice: unknown key, did you mean size?" in refused.output
    assert commands_over_ssh(HOST) == before
    lab.say()


def test_the_kind_of_the_page_is_seen_and_put_right(lab: PagesLab) -> None:
    before = on(HOST, "sysctl -n net.core.somaxconn").strip()
    lab.say(sysctl={"values": {"net.core.somaxconn": 8192}})
    first = provision_lab(lab.file)
    assert first.last_line == CHANGED, first.everything
    assert on(HOST, "sysctl -n net.core.somaxconn").strip() == "8192"
    assert provision_lab(lab.file).last_line == UNCHANGED
    on(HOST, "sysctl -q -w net.core.somaxconn=1024")
    assert "kernel parameter net.core.somaxconn: 1024 → 8192" in provision_lab(lab.file, "--dry").output
    assert provision_lab(lab.file).last_line == CHANGED
    assert on(HOST, "sysctl -n net.core.somaxconn").strip() == "8192"
    on(HOST, f"sysctl -q -w net.core.somaxconn={before}")
    lab.say()


def test_the_pages_deploy_counts_its_plain_operation_once(lab: PagesLab) -> None:
    first = lab.run("run: a deploy of one's own")
    assert first.last_line == CHANGED, first.everything
    assert on(HOST, "stat -c %a /var/backups/physics").strip() == "700"
    assert lab.run("run: a deploy of one's own").last_line == UNCHANGED


def test_a_host_that_pulls_takes_the_role_from_the_release_and_repairs_it(lab: PagesLab) -> None:
    key = lab.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signer = key.with_suffix(".pub").read_text().strip()
    lab.say(pull={"url": f"https://{SITE}/physics", "signers": [signer], "jitter": "0s"})
    # Of the three Pythons the testbed's hosts have one.
    released = lab.run("run: pull", f" --python {PYTHON_OF_HOST}")
    assert released.status == 0, released.everything
    shutil.rmtree(WWW, ignore_errors=True)
    shutil.copytree(lab.folder / "release", WWW / "physics")
    pushed = provision_lab(lab.file)
    assert pushed.last_line == CHANGED, pushed.everything
    try:
        long_after_a_push()
        assert (pull()["state"], result()["changes"]) == ("converged", "0"), result()
        on(HOST, f"systemctl disable --now '{UNIT}'; rm '{UNIT_FILE}'; apt-get purge -y -q ncdu")
        assert (pull()["state"], result()["changes"]) == ("converged", "3"), result()
        assert on(HOST, MOUNTED).split() == ["tmpfs", "64M"]
        assert "ncdu" in installed(HOST)
        assert (pull()["state"], result()["changes"]) == ("converged", "0"), result()
    finally:
        manual = (ROOT / "docs" / "pull.md").read_text()
        on(HOST, manual.partition("<!-- switch off -->\n```sh\n")[2].partition("```")[0])
        shutil.rmtree(WWW, ignore_errors=True)
        lab.say()
