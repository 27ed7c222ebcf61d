"""Makes a host what its manifest says. Of xpulab's modules the only one that changes a host."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from gevent import get_hub
from pyinfra import logger
from pyinfra.api.exceptions import NestedOperationError
from pyinfra.api.host import Host
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_host, ctx_state
from pyinfra.operations import python

from xpulab.converging import progress, run, snapshot
from xpulab.converging.assess import Assessment
from xpulab.converging.host_lock import HELD, under_lock
from xpulab.converging.host_lock import WAIT_S as LOCK_WAIT_S
from xpulab.converging.job import Job, job_of
from xpulab.converging.outcome import Outcome, State, outcome_of
from xpulab.converging.remote import (
    answers,
    is_this_machine,
    last_words,
    probe,
    run_script,
    wait_for_boot,
)
from xpulab.converging.steps import INTERRUPT, REBOOT_TIMEOUT_S, FetchKeys, Others, Reboot, Step, next_steps
from xpulab.desired.apt_keys import KeyRefused, accepted_keys, fetch_keys_script, write_keyring_script
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.role import Role
from xpulab.desired.thing import Difference, Run
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.records import ProbeError
from xpulab.probing.watched import Watched
from xpulab.pull import last_pull
from xpulab.pull.last_pull import PullResult
from xpulab.pull.pull_run import is_pull
from xpulab.pull.settings import Pull
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal

MOST_PASSES = 8
IN_USE = "in use: "
LOOK_AGAIN = "xpulab: look again"
BOOT_TIMEOUT_S = 900
OWN_REBOOT_DELAY_S = 10
READ_TIMEOUT_S = 60


def deploy(built_in: tuple[Role, ...], requires: Role | None = None) -> State:
    """Look at the host in context and, where something differs, converge it once the run executes.

    Gives the state in which it was found, such as `drifted`, `refused` or `failed`: a lab's own deploy asks
    it to keep its operations from hosts that xpulab does not touch.

    The roles are the built-in ones and the lab's own. All passes of a host are one pyinfra operation, so that
    no host waits for another one. A host that has no section of the role that the deploy `requires`, or for
    which that role waits, is refused.
    """
    run.begin()
    host = ctx_host.get()
    job = job_of(host, built_in, requires)
    outcome, observed = look(host, job)
    outcome = _with_diffs(host, outcome)
    run.plan(outcome, converge=True)
    if outcome.state == "drifted" and isinstance(job, Job) and observed:
        _warn_of_lock(host, observed, job.settings)
        run.owns(python.call(name="Converge", function=_converge, job=job))
    return outcome.state


def survey(built_in: tuple[Role, ...]) -> None:
    """Look at the host in context and record what it would need. Changes nothing on it.

    With pyinfra's `--data snapshot=DIR`, what its probe saw is saved in that folder of the control node.
    """
    run.begin()
    host = ctx_host.get()
    job = job_of(host, built_in)
    outcome, observed = look(host, job)
    outcome = _with_diffs(host, outcome)
    if observed and isinstance(job, Job):
        last = last_pull.result(observed)
        outcome = replace(outcome, last_pull=last_pull.words(last, job.settings.section(Pull)))
        outcome = snapshot.with_snapshot(host, outcome, observed, job, built_in)
    run.plan(outcome, converge=False)


def look(host: Host, job: Job | Refusal) -> tuple[Outcome, Observed | None]:
    """Probe a host and assess it: one remote command."""
    if isinstance(job, Refusal):
        return outcome_of(host.name, Assessment(refusal=job)), None
    observed = probe(host, job.watched)
    if isinstance(observed, ProbeError):
        return Outcome(host.name, "failed", reason=str(observed)), None
    try:
        assessment = job.assess(observed)
    except Exception as error:  # one host's oddity is no reason to end the run for the others
        why = f"xpulab cannot work out what is right for it: {type(error).__name__}: {error}"
        return Outcome(host.name, "failed", reason=why, remedy="please report this"), observed
    return outcome_of(host.name, assessment), observed


def _with_diffs(host: Host, outcome: Outcome) -> Outcome:
    """With the diffs of the files that differ, where the run was asked for them: one more remote command."""
    if not (outcome.drift and ctx_state.get().config.DIFF):
        return outcome
    from xpulab.converging import file_diff

    texts = file_diff.rewrites(outcome.drift)
    if not texts:
        return outcome
    done, output = run_script(host, file_diff.read_script(texts), READ_TIMEOUT_S, what="read files")
    if not done:
        return replace(outcome, diffs=(f"no diffs: its files could not be read: {last_words(output)}",))
    return replace(outcome, diffs=file_diff.file_diffs(texts, output.stdout_lines))


def _warn_of_lock(host: Host, observed: Observed, settings: HostSettings) -> None:
    if lock := observed.apt_lock:
        logger.warning(
            f"{host.print_prefix}apt is locked by process {lock.pid} ({lock.command}): "
            f"waiting for it, {settings.policy.apt_lock_wait} s at most"
        )


def _converge(job: Job) -> None:
    """Steps and looks in turn until nothing differs, or until the steps no longer change a thing."""
    host = ctx_host.get()
    outcome = run.ledger.outcomes[host.name]
    changed: dict[tuple[str, str], Difference] = {}
    for _ in range(MOST_PASSES):
        before = outcome.drift
        changed = {(each.kind, each.name): each for each in before} | changed
        for step in next_steps(before, job.settings.policy.apt_lock_wait, _others(outcome, job.settings)):
            if _take(host, step, job.settings):
                break
        if run.ledger.outcomes[host.name].state == "rebooting":
            return
        progress.waits(host, "is looked at again")
        outcome, seen = look(host, job)
        mended = tuple(each for key, each in changed.items() if key not in _keys(outcome.drift))
        outcome = run.ledger.record(replace(outcome, changes=len(changed), mended=mended))
        if seen is None or outcome.state in ("refused", "failed"):
            fail(host, f"{outcome.reason} {outcome.remedy}".strip())
        if not outcome.drift:
            logger.info(f"{host.print_prefix}{outcome.state}, changes: {len(changed)}")
            return
        if outcome.drift == before:
            break
    fail(host, f"still differs after every step: {_words(outcome.drift)}")


def _keys(drift: tuple[Difference, ...]) -> set[tuple[str, str]]:
    return {(each.kind, each.name) for each in drift}


def _words(drift: tuple[Difference, ...]) -> str:
    first = [f"{each.kind} {each.name} is {each.found}, wanted {each.wanted}" for each in drift[:3]]
    return "; ".join(first) + (f" and {len(drift) - 3} more" if len(drift) > 3 else "")


def _others(outcome: Outcome, settings: HostSettings) -> Others | None:
    """Who is asked before anything is taken from under them; None where they may be interrupted."""
    if settings.policy.in_use == "interrupt":
        return None
    accelerators = outcome.target.accelerators if outcome.target else ()
    return Others(load_catalog().daemons, tuple(each.address for each in accelerators))


def _take(host: Host, step: Step, settings: HostSettings) -> bool:
    """Take a step; True where it says that the host has to be looked at again before the next one."""
    if isinstance(step, FetchKeys):
        _accept_keys(host, step)
    elif isinstance(step, Reboot):
        _reboot(host, step, settings)
    else:
        return LOOK_AGAIN in run_step(host, step).stdout_lines
    return False


def run_step(host: Host, step: Run) -> CommandOutput:
    """Run a step's script; where it fails, the host's part of the run ends with the reason."""
    progress.doing(host, step.what)
    started = time.monotonic()
    if step.refusal or is_pull():  # a script with a refusal only asks, and a pull holds the lock throughout
        done, output = run_script(host, step.script, step.timeout, step.stdin, step.what)
    else:
        done, output = run_script(
            host, under_lock(step.script), step.timeout + LOCK_WAIT_S, step.stdin, step.what
        )
    if not done:
        if last_words(output).startswith(HELD):
            fail(host, last_words(output))
        if not step.refusal and last_words(output).startswith(IN_USE):
            _refuse(host, Refusal(f"{step.what}: {last_words(output)}", INTERRUPT))
        for line in output.output_lines[-20:]:
            logger.error(f"{host.print_prefix}    {line}")
        if not answers(host):
            fail(host, f"{step.what}: lost the connection to the host")
        if step.refusal:
            _refuse(host, replace(step.refusal, reason=f"{step.refusal.reason}: {last_words(output)}"))
        meaning = f" {step.on_failure}." if step.on_failure else ""
        fail(host, f"{step.what}:{meaning} {last_words(output)}")
    progress.did(host, f"{step.what}: {time.monotonic() - started:.1f} s")
    return output


def _accept_keys(host: Host, step: FetchKeys) -> None:
    output = run_step(host, Run("fetch apt keys", fetch_keys_script(step.repositories)))
    downloaded = dict(line.split("\t", 1) for line in output.stdout_lines if "\t" in line)
    # In a thread: the OpenPGP library may unwind its stack, which a greenlet's does not survive.
    keyrings = get_hub().threadpool.apply(_keyrings, (step.repositories, downloaded))
    if isinstance(keyrings, KeyRefused):
        _refuse(host, Refusal(str(keyrings), keyrings.remedy))
    written = [write_keyring_script(path, keys) for path, keys in keyrings.items()]
    run_step(host, Run("write apt keyrings", "\n".join(written)))


def _keyrings(
    repositories: Sequence[AptRepository], downloaded: Mapping[str, str]
) -> dict[str, bytes] | KeyRefused:
    try:
        return {
            each.keyring: accepted_keys(base64.b64decode(downloaded[each.name]), each)
            for each in repositories
        }
    except KeyRefused as refused:  # a thread of gevent's prints what is raised in it
        return refused


def _reboot(host: Host, step: Reboot, settings: HostSettings) -> None:
    if settings.policy.reboot == "never":
        fail(host, f"needs a reboot ({step.reason}) and policy.reboot is never: reboot it, then run again")
    before = probe(host, Watched(facts=last_pull.FACT))
    if isinstance(before, ProbeError):
        fail(host, str(before))
    if is_this_machine(host):
        _reboot_this_machine(host, step, last_pull.result(before))
        return
    run_step(host, Run(f"reboot ({step.reason})", step.script, REBOOT_TIMEOUT_S))
    progress.waits(host, "boots")
    if not wait_for_boot(host, before.boot_id, BOOT_TIMEOUT_S):
        fail(host, f"did not come back within {BOOT_TIMEOUT_S} s after its reboot: look at its console")
    progress.did(host, "is back")


def _reboot_this_machine(host: Host, step: Reboot, last: PullResult | None) -> None:
    """The run ends before its host does, and the one after that goes on where this one stopped.

    A pull does not reboot for what a reboot has not helped with: the timer would do so for ever.
    """
    if is_pull() and last and last.state in ("rebooting", "failed") and step.reason in last.words:
        fail(host, f"a reboot has not helped: {step.reason}")
    step = replace(step, delay_s=OWN_REBOOT_DELAY_S)
    run_step(host, Run(f"reboot ({step.reason})", step.script, REBOOT_TIMEOUT_S))
    remedy = f"it reboots in {OWN_REBOOT_DELAY_S} s, and the next run does the rest"
    run.ledger.change(host.name, state="rebooting", reason=step.reason, remedy=remedy)


def _refuse(host: Host, refusal: Refusal) -> NoReturn:
    """End this host's part of the run with what has to be done first."""
    run.ledger.change(host.name, state="refused", reason=refusal.reason, remedy=refusal.remedy)
    raise NestedOperationError(refusal.reason)


def fail(host: Host, why: str) -> NoReturn:
    """End this host's part of the run. pyinfra takes this exception as a failed host, without a traceback."""
    run.ledger.change(host.name, state="failed", reason=why, remedy="")
    raise NestedOperationError(why)
