"""A host that converges itself: what its inventory says, what it gets, and what it leaves behind."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.unit.probe_answers import answer
from tests.unit.sample_hosts import host, manifest_of, said
from xpulab.converging.assess import settings_of
from xpulab.converging.outcome import Outcome
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.package import Package
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.lab import load_lab
from xpulab.desired.manifest import Manifest
from xpulab.probing.records import parse
from xpulab.pull import last_pull, pull_run
from xpulab.pull.last_pull import PullResult
from xpulab.pull.settings import Pull
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal

KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()
URL = "https://releases.example/lab/"
PULL = Pull(url=URL, signers=(f"{KEY} ops@control",))
LAB = f"""
lab: physics
defaults: {{pull: {{url: "{URL}", signers: ["{KEY}"], jitter: 5m}}}}
hosts:
  gpu-01:
  gpu-02: {{pull: {{every: 1d}}}}
  gpu-03: {{pull: null}}
  gpu-04: {{pull: off}}
"""


def manifest(name: str = "gpu-01") -> Manifest:
    return manifest_of(host(), said(pull=PULL, name_in_lab=name))


def content(path: str) -> str:
    return next(each.content for each in manifest().of(File) if each.path == path)


def test_a_host_says_only_what_differs_from_the_defaults_and_null_is_no_pull(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text(LAB)
    lab = load_lab(tmp_path / "lab.yml", BUILT_IN)
    pulls = {name: data.get("pull") for name, data in lab.hosts}
    common = {"url": URL, "signers": [KEY], "jitter": "5m"}
    assert pulls == {"gpu-01": common, "gpu-02": {**common, "every": "1d"}, "gpu-03": None}
    assert "hosts.gpu-04: pull" in lab.refused["gpu-04"].reason


def test_a_signers_comment_is_no_part_of_the_key() -> None:
    assert PULL.signers == (KEY,)


@pytest.mark.parametrize(
    "mistake",
    [
        {"url": "ftp://releases.example/lab"},
        {"url": "https://releases.example/$(reboot)"},
        {"url": "https://releases.example/a\nhost=other"},
        {"signers": []},
        {"signers": ["ssh-dss AAAA"]},
        {"signers": [f"{KEY[:-8]}!"]},
        {"signers": [KEY.replace("ssh-ed25519", "ssh-rsa", 1)]},
        {"signers": [f"{KEY} me\n* {KEY}"]},
        {"signers": [f"* {KEY}"]},
        {"every": "59s"},
        {"every": "1h; reboot"},
        {"every": "hourly"},
        {"jitter": "-1m"},
        {"sign": KEY},
    ],
)
def test_what_makes_no_sense_is_refused_by_the_schema(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Pull.model_validate({"url": URL, "signers": [KEY], **mistake})


def test_a_mistake_names_the_key_and_what_it_should_be() -> None:
    refused = settings_of("gpu-01", {"pull": {"url": URL, "signers": ["me"]}}, BUILT_IN)
    assert isinstance(refused, Refusal)
    assert "host gpu-01: pull.signers.0" in refused.reason
    assert "no whole ssh public key" in refused.reason


def test_the_host_gets_the_timer_the_script_and_the_signers_beside_the_main_job() -> None:
    wanted = manifest()
    assert {"python3", "openssh-client", "ca-certificates", "docker.io"} <= {
        p.name for p in wanted.of(Package)
    }
    assert "xpulab-pull.timer" in {each.name for each in wanted.of(Unit)}
    assert content("/etc/xpulab/pull.conf").splitlines()[1:] == [f"url={URL.rstrip('/')}", "host=gpu-01"]
    assert content("/etc/xpulab/pull-signers").splitlines()[1:] == [
        f'xpulab namespaces="xpulab-release" {KEY}'
    ]
    assert "OnUnitActiveSec=1h\nRandomizedDelaySec=15m\n" in content("/etc/systemd/system/xpulab-pull.timer")
    (script,) = [each for each in wanted.of(File) if each.path == "/usr/local/lib/xpulab/pull"]
    assert script.mode == "0755"


def test_the_script_is_shell_that_shellcheck_accepts(tmp_path: Path) -> None:
    file = tmp_path / "pull"
    file.write_text(content("/usr/local/lib/xpulab/pull"))
    checked = subprocess.run(["shellcheck", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def record(text: str, now: int = 1_000_000) -> str:
    said = f"{now}\n{text}"
    return f"fact\tlast-pull\t{base64.b64encode(said.encode()).decode()}"


def test_the_probe_reads_the_last_result_by_the_hosts_own_clock() -> None:
    text = "when=999280\nrelease=20261124120000\nstate=converged\nchanges=1\nwords=\n"
    assert last_pull.result(parse(answer(record(text)))) == PullResult(
        720, "20261124120000", "converged", 1, ""
    )
    assert last_pull.result(parse(answer())) is None


@pytest.mark.parametrize("text", ["\n", "when=soon", "\0", "when=1\nstate=converged", "<html>"])
def test_a_garbled_result_does_not_keep_a_host_from_being_looked_at(text: str) -> None:
    result = last_pull.result(parse(answer(record(text))))
    assert result is not None
    assert result.state == "unreadable"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (PullResult(720, "20261124120000", "converged", 1, ""), "converged, 1 change"),
        (PullResult(5, "20261124120000", "converged", 0, ""), "converged, nothing to change"),
        (PullResult(7300, "", "failed", 0, "no answer from x"), "failed: no answer from x"),
        (PullResult(5, "20261124120000", "skipped", 0, "a push run"), "skipped: a push run"),
    ],
)
def test_a_survey_says_what_the_last_pull_came_to(result: PullResult, words: str) -> None:
    assert last_pull.words(result, PULL).endswith(words)


def test_a_survey_says_when_that_was_and_which_release() -> None:
    result = PullResult(720, "20261124120000", "converged", 1, "")
    assert last_pull.words(result, PULL) == (
        "last pull 12 min ago, release 20261124120000: converged, 1 change"
    )


def test_a_survey_points_out_a_host_that_no_longer_pulls_or_never_did() -> None:
    assert "should pull every 1h" in last_pull.words(PullResult(14_000, "1", "converged", 0, ""), PULL)
    assert "should pull" not in last_pull.words(PullResult(13_000, "1", "converged", 0, ""), PULL)
    assert "has not pulled yet" in last_pull.words(None, PULL)
    assert last_pull.words(None, None) == ""


def test_a_pull_leaves_its_outcome_in_one_line_each_for_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "outcome"
    monkeypatch.setenv(pull_run.OUTCOME, str(file))
    pull_run.record([Outcome("@local", "refused", reason="two\nlines", remedy="do\tthis")])
    assert file.read_text() == "state=refused\nchanges=0\nwords=two lines; do this\n"
    pull_run.record([])
    assert file.read_text().startswith("state=failed\n")


def test_a_run_that_no_timer_started_leaves_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pull_run.OUTCOME, raising=False)
    pull_run.record([Outcome("a", "converged")])
    assert not pull_run.is_pull()
