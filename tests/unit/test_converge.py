"""What a run does on a host that is not its alone: another run works there, or it runs there itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from pyinfra.api.exceptions import NestedOperationError
from pyinfra.connectors.util import CommandOutput, OutputLine

from xpulab.converging import converge, run
from xpulab.converging.host_lock import HELD
from xpulab.converging.job import Job
from xpulab.converging.ledger import Ledger
from xpulab.converging.outcome import Outcome
from xpulab.converging.steps import Reboot
from xpulab.desired.thing import Run
from xpulab.inventory.settings import HostSettings, Policy
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.pull import pull_run
from xpulab.pull.last_pull import NAME, PullResult
from xpulab.schema.refusal import Refusal

REASON = "nvidia: nouveau holds the device"
LOCAL: Any = SimpleNamespace(name="@local", print_prefix="")
REMOTE: Any = SimpleNamespace(name="gpu-01", print_prefix="")


class Scripts:
    """What was run, and what it is answered."""

    def __init__(self) -> None:
        self.run: list[str] = []
        self.answer = ""

    def __call__(
        self, host: object, script: str, timeout: int, stdin: str = "", what: str = ""
    ) -> tuple[bool, CommandOutput]:
        self.run.append(script)
        return not self.answer, CommandOutput([OutputLine("stderr", self.answer)] if self.answer else [])


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    scripts = Scripts()
    monkeypatch.setattr(converge, "run_script", scripts)
    outcomes = {name: Outcome(name, "drifted") for name in ("@local", "gpu-01")}
    monkeypatch.setattr(run, "ledger", Ledger(outcomes))
    monkeypatch.delenv(pull_run.OUTCOME, raising=False)
    return scripts


def reboot(monkeypatch: pytest.MonkeyPatch, last: PullResult | None, policy: Policy = Policy()) -> Outcome:  # noqa: B008
    text = (
        f"1000\nwhen={1000 - last.age_s}\nrelease={last.release}\nstate={last.state}\n"
        f"changes={last.changes}\nwords={last.words}\n"
        if last
        else ""
    )
    observed = Observed("ubuntu", "22.04", "x86_64", "5.15.0-161-generic", facts={NAME: text})
    monkeypatch.setattr(converge, "probe", lambda host, watched: observed)
    converge._reboot(LOCAL, Reboot(REASON), HostSettings(policy=policy))
    return run.ledger.outcomes["@local"]


def test_a_step_takes_the_hosts_lock_and_a_question_or_a_pull_does_not(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge.run_step(REMOTE, Run("write files", "set -eu"))
    converge.run_step(REMOTE, Run("ask", "set -eu", refusal=Refusal("no", "do")))
    monkeypatch.setenv(pull_run.OUTCOME, "/nowhere")
    converge.run_step(LOCAL, Run("write files", "set -eu"))
    assert ["flock" in script for script in scripts.run] == [True, False, False]


def test_a_host_that_a_pull_works_on_for_too_long_fails_with_that_and_nothing_else(scripts: Scripts) -> None:
    scripts.answer = f"{HELD} (a pull run, pid 12): let it finish, then run again"
    with pytest.raises(NestedOperationError):
        converge.run_step(REMOTE, Run("apt: 2 to install", "set -eu", on_failure="apt could not do it"))
    assert run.ledger.outcomes["gpu-01"].reason == scripts.answer


def test_a_run_on_its_own_machine_ends_before_the_reboot_and_says_so(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = reboot(monkeypatch, None)
    assert (outcome.state, outcome.reason) == ("rebooting", REASON)
    assert "systemd-run --quiet --collect --on-active=10 " in scripts.run[-1]


def test_a_pull_reboots_once_and_not_again_for_what_that_did_not_help(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pull_run.OUTCOME, "/nowhere")
    assert reboot(monkeypatch, PullResult(60, "1", "converged", 1, "")).state == "rebooting"
    for state, words in (("rebooting", f"{REASON}; it reboots"), ("failed", f"no help: {REASON}")):
        with pytest.raises(NestedOperationError):
            reboot(monkeypatch, PullResult(60, "1", state, 1, words))
        assert run.ledger.outcomes["@local"].reason == f"a reboot has not helped: {REASON}"


def test_a_policy_that_forbids_reboots_holds_for_the_own_machine_too(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NestedOperationError):
        reboot(monkeypatch, None, Policy(reboot="never"))
    assert scripts.run == []


def test_a_host_that_nobody_foresaw_fails_alone_and_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def surprised(*_: object) -> NoReturn:
        raise RecursionError("nested beyond reason")

    observed = Observed("ubuntu", "22.04", "x86_64", "5.15.0-161-generic")
    monkeypatch.setattr(converge, "probe", lambda host, watched: observed)
    monkeypatch.setattr(Job, "assess", surprised)
    outcome, _ = converge.look(REMOTE, Job(HostSettings(), (), Watched()))
    assert outcome.state == "failed" and "RecursionError: nested beyond reason" in outcome.reason
