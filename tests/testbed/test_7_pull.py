"""A host that converges itself with no control node: what it takes, what it refuses, and pushes beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.lab import ROOT, Finished, commands_over_ssh, lab_file, on, pyinfra, state_of

HOST = "cpu1"
PYTHON_OF_HOST = "3.11"
SITE = "releases.lab.test"
WWW = ROOT / ".testbed" / "www" / SITE
PARTS = "/var/lib/xpulab/parts"
TOOLKIT_PART = "$(sed -n 's/^part toolkit .* //p' /var/lib/xpulab/release)"
DRIFTED_FILE = "/etc/apt/apt.conf.d/99xpulab-lock-timeout"
UNCHANGED = "xpulab: hosts=1 converged=1 changed=0 refused=0 failed=0"
SOON = r"[Timer]\nOnBootSec=\nOnUnitActiveSec=\nOnActiveSec=3s\nAccuracySec=100ms\n"


class Releases:
    """The folder that the host pulls from, and the keys to sign with; `defaults` of its lab beside pull."""

    def __init__(self, folder: Path, **defaults: dict[str, Any]) -> None:
        self.key, self.stranger = folder / "signer", folder / "stranger"
        for key in (self.key, self.stranger):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        pull = {
            "url": f"https://{SITE}/lab/",
            "signers": [self.key.with_suffix(".pub").read_text().strip()],
            "jitter": "0s",
        }
        self.lab = lab_file(folder, HOST, defaults={"pull": pull, **defaults})
        self.made, self.published = folder / "made", WWW / "lab"

    def make(self) -> None:
        xpulab = Path(sys.executable).with_name("xpulab")
        subprocess.run(
            [xpulab, "release", self.made, "--sign", self.key, "--lab", self.lab, "--python", PYTHON_OF_HOST],
            cwd=ROOT,
            check=True,
        )

    def publish(self) -> None:
        shutil.rmtree(WWW, ignore_errors=True)
        shutil.copytree(self.made, self.published)

    def file(self, part: str) -> Path:
        (file,) = self.published.glob(f"{part}*")
        return file

    def sign(self, key: Path, namespace: str = "xpulab-release") -> None:
        release = self.published / "release"
        release.with_suffix(".sig").unlink()
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, release], check=True)

    def push(self, deploy: str = "pull.py") -> Finished:
        return pyinfra("-y", "inventory.py", f"deploys/{deploy}", XPULAB_LAB=str(self.lab))


def result() -> dict[str, str]:
    lines = on(HOST, "cat /var/lib/xpulab/pull-result").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def pull() -> dict[str, str]:
    """The result of a pull that is started now, and not because of the one before."""
    # Or systemd takes so many in a row for a unit gone wild.
    on(HOST, "rm -f /var/lib/xpulab/pull-result; systemctl reset-failed xpulab-pull", check=False)
    on(HOST, "systemctl start xpulab-pull", check=False)
    return result()


def wait_until(true: Callable[[], bool], seconds: int = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


def long_after_a_push() -> None:
    on(HOST, "touch -d '11 minutes ago' /run/xpulab/push")


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """A release on the web server, and the host with its timer after a push."""
    releases = Releases(tmp_path_factory.mktemp("pull"))
    releases.make()
    releases.publish()
    first = releases.push()
    assert first.status == 0, first.everything
    yield releases
    shutil.rmtree(WWW, ignore_errors=True)


@pytest.fixture
def releases(pushed: Releases) -> Iterator[Releases]:
    """The same, some time after the push; what a test does to the release is undone."""
    long_after_a_push()
    yield pushed
    pushed.publish()


def test_a_second_push_changes_nothing_with_one_remote_command(pushed: Releases) -> None:
    before = commands_over_ssh(HOST)
    second = pushed.push()
    assert second.last_line == UNCHANGED, second.everything
    assert commands_over_ssh(HOST) - before == 1


def test_a_pull_right_after_a_push_is_skipped(pushed: Releases) -> None:
    on(HOST, "touch /run/xpulab/push")
    on(HOST, "systemctl start xpulab-pull")
    assert result()["state"] == "skipped"
    assert result()["words"] == "a push run changed this host less than 600 s ago"


def test_a_pull_of_a_converged_host_changes_nothing(releases: Releases) -> None:
    before = state_of([HOST])
    assert (pull()["state"], result()["changes"]) == ("converged", "0")
    assert state_of([HOST]) == before


def test_a_drifted_host_is_repaired_by_its_timer_with_no_control_node(releases: Releases) -> None:
    on(
        HOST,
        f"rm -f /var/lib/xpulab/pull-result; echo '# mine' >> {DRIFTED_FILE}; systemctl disable --now docker",
    )
    drop_in = "/run/systemd/system/xpulab-pull.timer.d"
    on(HOST, f"mkdir -p {drop_in} && printf '{SOON}' > {drop_in}/soon.conf")
    on(HOST, "systemctl daemon-reload && systemctl restart xpulab-pull.timer")
    wait_until(lambda: "changes=2" in on(HOST, "cat /var/lib/xpulab/pull-result", check=False))
    on(HOST, f"rm -r {drop_in}; systemctl daemon-reload")
    assert result()["state"] == "converged"
    assert "mine" not in on(HOST, f"cat {DRIFTED_FILE}")
    assert on(HOST, "systemctl is-active docker").strip() == "active"


def a_changed_tarball(releases: Releases) -> None:
    toolkit = releases.file("toolkit")
    content = bytearray(toolkit.read_bytes())
    content[len(content) // 2] ^= 1
    toolkit.write_bytes(content)


def an_endless_tarball(releases: Releases) -> None:
    toolkit = releases.file("toolkit")
    toolkit.write_bytes(toolkit.read_bytes() + bytes(5_000_000))


def a_changed_release(releases: Releases) -> None:
    release = releases.published / "release"
    release.write_text(release.read_text().replace("serial 2", "serial 3"))


def a_strangers_signature(releases: Releases) -> None:
    releases.sign(releases.stranger)


def a_signature_of_something_else(releases: Releases) -> None:
    releases.sign(releases.key, namespace="file")


def an_older_release(releases: Releases) -> None:
    release = releases.published / "release"
    lines = release.read_text().splitlines()
    release.write_text("\n".join([lines[0], "serial 20260101000000", *lines[2:], ""]))
    releases.sign(releases.key)


def a_release_without_the_hosts_python(releases: Releases) -> None:
    release = releases.published / "release"
    release.write_text(release.read_text().replace(f"part python{PYTHON_OF_HOST} ", "part python3.9 "))
    releases.sign(releases.key)


def no_release(releases: Releases) -> None:
    shutil.rmtree(releases.published)


@pytest.mark.parametrize(
    ("published", "state", "words"),
    [
        (a_changed_tarball, "refused", "has not the SHA-256 that the release says"),
        (an_endless_tarball, "failed", f"no answer from https://{SITE}/lab/toolkit-"),
        (
            a_changed_release,
            "refused",
            f"the signature of https://{SITE}/lab/release is not that of a signer",
        ),
        (a_strangers_signature, "refused", "is not that of a signer of this host"),
        (a_signature_of_something_else, "refused", "is not that of a signer of this host"),
        (an_older_release, "refused", "release 20260101000000 is older than"),
        (
            a_release_without_the_hosts_python,
            "refused",
            f"has no python{PYTHON_OF_HOST}, which this host needs, but toolkit python3.9",
        ),
        (no_release, "failed", f"no answer from https://{SITE}/lab/release: "),
    ],
)
def test_what_is_not_a_release_of_this_lab_leaves_the_host_as_it_is(
    releases: Releases, published: Callable[[Releases], None], state: str, words: str
) -> None:
    published(releases)
    on(HOST, f"rm -rf {PARTS}/{TOOLKIT_PART}; echo '# mine' >> {DRIFTED_FILE}")
    before = state_of([HOST])
    done = pull()
    assert done["state"] == state
    assert words in done["words"]
    assert state_of([HOST]) == before
    assert f"{state} {done['words']}" in on(HOST, "journalctl --no-pager -o cat -u xpulab-pull")


def test_an_upstream_that_is_down_leaves_the_host_as_it_is(releases: Releases) -> None:
    on(HOST, "sed -i 's|^url=.*|url=https://127.0.0.1:9/lab|' /etc/xpulab/pull.conf")
    before = state_of([HOST])
    done = pull()
    assert done["state"] == "failed"
    assert done["words"].startswith("no answer from https://127.0.0.1:9/lab/release: ")
    assert state_of([HOST]) == before
    on(HOST, f"sed -i 's|^url=.*|url=https://{SITE}/lab|' /etc/xpulab/pull.conf")


def test_an_interrupted_pull_is_finished_by_the_next(releases: Releases) -> None:
    on(HOST, f"rm -rf {PARTS}; systemctl start --no-block xpulab-pull")
    wait_until(lambda: "tar.xz" in on(HOST, "ls /var/lib/xpulab/incoming.*", check=False))
    on(HOST, "systemctl kill --signal=KILL xpulab-pull")
    assert pull()["state"] == "converged"
    assert on(HOST, "ls -d /var/lib/xpulab/incoming.*", check=False) == ""


def test_a_push_waits_for_a_pull(releases: Releases) -> None:
    on(HOST, "apt-get purge -y docker.io docker-cli containerd runc")
    on(HOST, "systemctl start --no-block xpulab-pull")
    wait_until(lambda: "dpkg" in on(HOST, "ps -e -o comm", check=False))
    push = releases.push()
    assert push.status == 0, push.everything
    assert "xpulab: hosts=1 converged=1" in push.last_line
    assert result()["state"] == "converged", result()


def test_a_survey_shows_the_last_result(releases: Releases) -> None:
    done = pull()
    survey = releases.push("survey.py")
    assert f"{HOST}: last pull " in survey.output, survey.everything
    assert f"release {done['release']}: converged, nothing to change" in survey.output


def test_the_commands_of_the_manual_switch_it_off(pushed: Releases) -> None:
    manual = (ROOT / "docs" / "pull.md").read_text()
    commands = manual.partition("<!-- switch off -->\n```sh\n")[2].partition("```")[0]
    on(HOST, commands)
    assert "xpulab-pull" not in on(HOST, "systemctl list-unit-files --no-legend")
    left = "/usr/local/lib/xpulab/pull /etc/xpulab/pull.conf /etc/xpulab/pull-signers"
    assert on(HOST, f"ls -d {left} 2>/dev/null; ls /var/lib/xpulab", check=False) == ""
