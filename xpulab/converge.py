"""Makes a host what its manifest says. Of xpulab's modules the only one that changes a host."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from gevent import get_hub
from pyinfra import logger
from pyinfra.api.exceptions import NestedOperationError
from pyinfra.api.host import Host
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_host
from pyinfra.operations import python

from xpulab.converging import run
from xpulab.converging.assess import Assessment, assess, settings_of
from xpulab.converging.drift import Difference
from xpulab.converging.host_lock import HELD, under_lock
from xpulab.converging.host_lock import WAIT_S as LOCK_WAIT_S
from xpulab.converging.outcome import Outcome, outcome_of
from xpulab.converging.remote import answers, is_this_machine, last_words, probe, run_script, wait_for_boot
from xpulab.converging.steps import PULL_TIMEOUT_S, FetchKeys, Reboot, Run, Step, next_steps
from xpulab.desired.apt import KeyRefused, accepted_keys, keyring_path
from xpulab.desired.manifest import AptRepository
from xpulab.desired.role import Desired
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed, PullResult
from xpulab.probing.records import ProbeError
from xpulab.pull import last_pull
from xpulab.pull.pull_run import is_pull
from xpulab.resolving.target import Refusal
from xpulab.resolving.vendors import load_catalog
from xpulab.shell.scripts import fetch_keys_script, script, write_bytes

MOST_PASSES = 8
REBOOT_TIMEOUT_S = 900
OWN_REBOOT_DELAY_S = 10


def name_in_lab() -> str:
    """What the lab calls the host in context: a host that converges itself is @local to pyinfra."""
    host = ctx_host.get()
    return str(host.data.get("name_in_lab") or host.name)


def deploy(desired: Desired, refuses: Callable[[HostSettings], Refusal | None] = lambda _: None) -> None:
    """Look at the host in context and, where something differs, converge it once the run executes.

    All passes of a host are one pyinfra operation, so that no host waits for another one. `refuses` is what
    a deploy asks of a host's settings beyond what the schema does.
    """
    host = ctx_host.get()
    settings = host_settings(host)
    if isinstance(settings, HostSettings):
        settings = refuses(settings) or settings
    outcome, observed = look(host, settings, desired)
    run.plan(outcome, converge=True)
    if outcome.state == "drifted":
        _warn_of_lock(host, observed, settings)
        python.call(
            name="Converge", function=_converge, desired=desired, settings=settings, observed=observed
        )


def survey(desired: Desired) -> None:
    """Look at the host in context and record what it would need. Changes nothing."""
    host = ctx_host.get()
    settings = host_settings(host)
    outcome, observed = look(host, settings, desired)
    if observed and isinstance(settings, HostSettings):
        outcome = replace(outcome, last_pull=last_pull.words(observed.pull_result, settings.pull))
    run.plan(outcome, converge=False)


def host_settings(host: Host) -> HostSettings | Refusal:
    """What the inventory says to xpulab about a host."""
    return settings_of(host.name, {key: host.data.get(key) for key in HostSettings.model_fields})


def look(host: Host, settings: HostSettings | Refusal, desired: Desired) -> tuple[Outcome, Observed | None]:
    """Probe a host and assess it: one remote command."""
    if isinstance(settings, Refusal):
        return outcome_of(host.name, Assessment(refusal=settings)), None
    observed = probe(host)
    if isinstance(observed, ProbeError):
        return Outcome(host.name, "failed", reason=str(observed)), None
    return outcome_of(host.name, assess(observed, settings, load_catalog(), desired)), observed


def _warn_of_lock(host: Host, observed: Observed | None, settings: HostSettings | Refusal) -> None:
    lock = observed.apt_lock if observed else None
    if lock and isinstance(settings, HostSettings):
        logger.warning(
            f"{host.print_prefix}apt is locked by process {lock.pid} ({lock.command}): "
            f"waiting for it, {settings.policy.apt_lock_wait} s at most"
        )


def _converge(desired: Desired, settings: HostSettings, observed: Observed) -> None:
    """Steps and looks in turn until nothing differs, or until the steps no longer change a thing."""
    host = ctx_host.get()
    outcome = run.outcomes[host.name]
    changed: set[tuple[str, str]] = set()
    for _ in range(MOST_PASSES):
        before = outcome.drift
        changed |= {(each.kind.value, each.name) for each in before}
        for step in next_steps(before, settings.policy.apt_lock_wait, observed.daemon_json):
            _take(host, step, settings)
        if run.outcomes[host.name].state == "rebooting":
            return
        outcome, seen = look(host, settings, desired)
        outcome = replace(outcome, changes=len(changed))
        run.outcomes[host.name] = outcome
        if seen is None or outcome.state == "refused":
            fail(host, f"{outcome.reason} {outcome.remedy}".strip())
        if outcome.state == "converged":
            logger.info(f"{host.print_prefix}converged, changes: {len(changed)}")
            return
        if outcome.drift == before:
            break
        observed = seen
    fail(host, f"still differs after every step: {_words(outcome.drift)}")


def _words(drift: tuple[Difference, ...]) -> str:
    first = [f"{each.kind.word} {each.name} is {each.found}, wanted {each.wanted}" for each in drift[:3]]
    return "; ".join(first) + (f" and {len(drift) - 3} more" if len(drift) > 3 else "")


def _take(host: Host, step: Step, settings: HostSettings) -> None:
    if isinstance(step, FetchKeys):
        _accept_keys(host, step)
    elif isinstance(step, Reboot):
        _reboot(host, step, settings)
    else:
        run_step(host, step)


def run_step(host: Host, step: Run) -> CommandOutput:
    """Run a step's script; where it fails, the host's part of the run ends with the reason."""
    logger.info(f"{host.print_prefix}{step.what} …")
    started = time.monotonic()
    if step.refusal or is_pull():  # a script with a refusal only asks, and a pull holds the lock throughout
        done, output = run_script(host, step.script, step.timeout, step.stdin)
    else:
        done, output = run_script(host, under_lock(step.script), step.timeout + LOCK_WAIT_S, step.stdin)
    if not done:
        if last_words(output).startswith(HELD):
            fail(host, last_words(output))
        for line in output.output_lines[-20:]:
            logger.error(f"{host.print_prefix}    {line}")
        if not answers(host):
            fail(host, f"{step.what}: lost the connection to the host")
        if step.refusal:
            _refuse(host, replace(step.refusal, reason=f"{step.refusal.reason}: {last_words(output)}"))
        meaning = f" {step.on_failure}." if step.on_failure else ""
        fail(host, f"{step.what}:{meaning} {last_words(output)}")
    logger.info(f"{host.print_prefix}{step.what}: {time.monotonic() - started:.1f} s")
    return output


def _accept_keys(host: Host, step: FetchKeys) -> None:
    output = run_step(host, Run("fetch apt keys", fetch_keys_script(step.repositories)))
    downloaded = dict(line.split("\t", 1) for line in output.stdout_lines if "\t" in line)
    # In a thread: the OpenPGP library may unwind its stack, which a greenlet's does not survive.
    keyrings = get_hub().threadpool.apply(_keyrings, (step.repositories, downloaded))
    if isinstance(keyrings, KeyRefused):
        _refuse(host, Refusal(str(keyrings), keyrings.remedy))
    written = script(write_bytes(path, keys) for path, keys in keyrings.items())
    run_step(host, Run("write apt keyrings", written))


def _keyrings(
    repositories: Sequence[AptRepository], downloaded: Mapping[str, str]
) -> dict[str, bytes] | KeyRefused:
    try:
        return {
            keyring_path(each): accepted_keys(base64.b64decode(downloaded[each.name]), each)
            for each in repositories
        }
    except KeyRefused as refused:  # a thread of gevent's prints what is raised in it
        return refused


def _reboot(host: Host, step: Reboot, settings: HostSettings) -> None:
    if settings.policy.reboot == "never":
        fail(host, f"needs a reboot ({step.reason}) and policy.reboot is never: reboot it, then run again")
    before = probe(host)
    if isinstance(before, ProbeError):
        fail(host, str(before))
    if is_this_machine(host):
        _reboot_this_machine(host, step, before.pull_result)
        return
    run_step(host, Run(f"reboot ({step.reason})", step.script, PULL_TIMEOUT_S))
    if not wait_for_boot(host, before.boot_id, REBOOT_TIMEOUT_S):
        fail(host, f"did not come back within {REBOOT_TIMEOUT_S} s after its reboot: look at its console")
    logger.info(f"{host.print_prefix}is back")


def _reboot_this_machine(host: Host, step: Reboot, last: PullResult | None) -> None:
    """The run ends before its host does, and the one after that goes on where this one stopped.

    A pull does not reboot for what a reboot has not helped with: the timer would do so for ever.
    """
    if is_pull() and last and last.state in ("rebooting", "failed") and step.reason in last.words:
        fail(host, f"a reboot has not helped: {step.reason}")
    step = replace(step, delay_s=OWN_REBOOT_DELAY_S)
    run_step(host, Run(f"reboot ({step.reason})", step.script, PULL_TIMEOUT_S))
    remedy = f"it reboots in {OWN_REBOOT_DELAY_S} s, and the next run does the rest"
    outcome = replace(run.outcomes[host.name], state="rebooting", reason=step.reason, remedy=remedy)
    run.outcomes[host.name] = outcome


def _refuse(host: Host, refusal: Refusal) -> NoReturn:
    """End this host's part of the run before anything was changed."""
    outcome = replace(run.outcomes[host.name], reason=refusal.reason, remedy=refusal.remedy)
    run.outcomes[host.name] = replace(outcome, state="refused")
    raise NestedOperationError(refusal.reason)


def fail(host: Host, why: str) -> NoReturn:
    """End this host's part of the run. pyinfra takes this exception as a failed host, without a traceback."""
    run.outcomes[host.name] = replace(run.outcomes[host.name], state="failed", reason=why, remedy="")
    raise NestedOperationError(why)
