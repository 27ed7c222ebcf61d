"""What the contenders have to do. Each scenario gives its samples; a run that goes wrong ends the bench."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from vlab.command import TestbedError
from vlab.hosts import Lab
from vlab.places import ROOT

from bench import say
from bench.containers import on, on_each
from bench.contenders import CONTENDERS, Contender
from bench.counters import mean_difference, read_counts, ssh_bytes
from bench.hosts import BenchHost, bench_hosts
from bench.inventories import FOLDER, Inventories, write_inventories
from bench.measure import measure
from bench.results import KB
from bench.samples import Sample
from bench.snapshots import bring_up_bare, bring_up_converged, converge

DRIFTED = "/etc/apt/apt.conf.d/99xpulab-lock-timeout"
GROWTH = (1, 5, 10, 20, 40, 60, 100)
GROWTH_BEYOND = {"xpulab", "openssh"}
GROWTH_FOR_ALL = 20
MIB_IN_MB = 2**20 / 1e6
LONG_ROUNDS_AT_MOST = 3


@dataclass(frozen=True)
class Plan:
    """How much is measured: a contender that took longer than `patience_s` does not run again.

    `warm` are the contenders that have run since the bench began, `slow` those that took too long.
    """

    lab: Lab
    contenders: Sequence[Contender]
    hosts: int
    first_run_hosts: int
    rounds: int
    patience_s: float
    warm: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)

    def chosen(self, *names: str) -> list[Contender]:
        """Those of `names` that take part."""
        return [CONTENDERS[name] for name in names if CONTENDERS[name] in self.contenders]


def no_change(plan: Plan) -> list[Sample]:
    """All hosts are as wanted."""
    hosts, inventories = _converged(plan, plan.hosts)
    contenders = plan.chosen("xpulab", "plain_pyinfra", "ansible", "ansible_mitogen", "openssh")
    _warm_up(plan, contenders, hosts)
    return _alternate(plan, contenders, plan.rounds, partial(_run, plan, "no_change", hosts, inventories))


def survey(plan: Plan) -> list[Sample]:
    """The same hosts, only looked at."""
    hosts, inventories = _converged(plan, plan.hosts)
    contenders = plan.chosen("survey", "openssh")
    _warm_up(plan, contenders, hosts)
    return _alternate(plan, contenders, plan.rounds, partial(_run, plan, "survey", hosts, inventories))


def one_drift(plan: Plan) -> list[Sample]:
    """On every host, one managed file has a line too many."""
    hosts, inventories = _converged(plan, plan.hosts)
    contenders = plan.chosen("xpulab", "plain_pyinfra", "ansible", "ansible_mitogen")
    _warm_up(plan, contenders, hosts)

    def run(contender: Contender) -> Sample:
        on_each(hosts, lambda host: on(host, f"echo '// changed by hand' >>{DRIFTED}"))
        sample = _run(plan, "one_drift", hosts, inventories, contender)
        left = on_each(hosts, lambda host: on(host, f"grep -c 'changed by hand' {DRIFTED} || :").strip())
        if set(left) != {"0"}:
            raise TestbedError(f"{contender.title} left {DRIFTED} changed")
        return sample

    return _alternate(plan, contenders, plan.rounds, run)


def first_run(plan: Plan) -> list[Sample]:
    """From bare hosts to verified ones; after its last round each contender's hosts pass tests/verify."""
    hosts = bench_hosts(plan.first_run_hosts)
    inventories = write_inventories(FOLDER / "first_run", hosts, plan.lab)
    contenders = plan.chosen("xpulab", "plain_pyinfra", "ansible", "ansible_mitogen")
    rounds = min(plan.rounds, LONG_ROUNDS_AT_MOST)
    samples = []
    for number in range(rounds):
        for contender in contenders:
            bring_up_bare(hosts, plan.lab, inventories.known_hosts)
            samples.append(_run(plan, "first_run", hosts, inventories, contender))
            if number == rounds - 1:
                _verify(contender, inventories)
    return samples


def growth(plan: Plan) -> list[Sample]:
    """No change, with more and more hosts."""
    samples: list[Sample] = []
    rounds = min(plan.rounds, LONG_ROUNDS_AT_MOST)
    contenders = plan.chosen("xpulab", "openssh", "plain_pyinfra", "ansible", "ansible_mitogen")
    for size in GROWTH:
        hosts, inventories = _converged(plan, size)
        able = [each for each in contenders if size <= GROWTH_FOR_ALL or each.name in GROWTH_BEYOND]
        samples += _alternate(
            plan, able, rounds, partial(_run, plan, "growth", hosts, inventories, counted=False)
        )
    return samples


SCENARIOS: dict[str, Callable[[Plan], list[Sample]]] = {
    "no_change": no_change,
    "survey": survey,
    "one_drift": one_drift,
    "growth": growth,
    "first_run": first_run,
}


def _converged(plan: Plan, count: int) -> tuple[list[BenchHost], Inventories]:
    hosts = bench_hosts(count)
    inventories = write_inventories(FOLDER / f"converged-{count}", hosts, plan.lab)
    bring_up_converged(hosts, plan.lab, inventories.known_hosts)
    last_line = converge(inventories)
    if not last_line.startswith(f"xpulab: hosts={count} converged={count} changed=0 "):
        raise TestbedError(f"{count} hosts should be converged before anything is timed: {last_line}")
    return hosts, inventories


def _warm_up(plan: Plan, contenders: Sequence[Contender], hosts: Sequence[BenchHost]) -> None:
    """Run each contender once, untimed, on one host: its code is compiled then, and its files in memory."""
    inventories = write_inventories(FOLDER / "warm-up", hosts[:1], plan.lab)
    for contender in contenders:
        if contender.name not in plan.warm:
            _run(plan, "warm-up", hosts[:1], inventories, contender, counted=False)
            plan.warm.add(contender.name)


def _alternate(
    plan: Plan, contenders: Sequence[Contender], rounds: int, run: Callable[[Contender], Sample]
) -> list[Sample]:
    """The samples of all rounds: every contender once, then every contender again."""
    samples: list[Sample] = []
    for _ in range(rounds):
        for contender in contenders:
            if contender.name not in plan.slow:
                samples.append(run(contender))
                if samples[-1].wall_s > plan.patience_s:
                    plan.slow.add(contender.name)
    return samples


def _run(
    plan: Plan,
    scenario: str,
    hosts: Sequence[BenchHost],
    inventories: Inventories,
    contender: Contender,
    counted: bool = True,
) -> Sample:
    command = contender.command(inventories, hosts, plan.lab.user)
    log = FOLDER / "logs" / f"{scenario}-{contender.name}.log"
    before, bytes_before = (read_counts(hosts), ssh_bytes()) if counted else ([], 0)
    measured = measure(command.argv, command.cwd, command.env, log)
    bytes_after = ssh_bytes() if counted else 0
    output = log.read_text(errors="replace")
    if measured.status != 0:
        raise TestbedError(f"{contender.title} failed in {scenario}; {log} ends with:\n{output[-3000:]}")
    changes = contender.changes(output)
    if scenario not in ("one_drift", "first_run") and changes:
        raise TestbedError(f"{contender.title} changed {changes} things where nothing was to change: {log}")
    say(
        f"{scenario}, N={len(hosts)}, {contender.title}: {measured.wall_s:.2f} s, "
        f"CPU {measured.cpu_s:.2f} s, {measured.peak_mib * MIB_IN_MB:.0f} MB"
    )
    taken = (contender.name, len(hosts), measured.wall_s, measured.cpu_s, measured.peak_mib * MIB_IN_MB)
    if not counted:
        return Sample(*taken)
    counts = mean_difference(before, read_counts(hosts))
    return Sample(
        *taken,
        counts.remote_commands,
        counts.apt_updates,
        counts.apt_transactions,
        (bytes_after - bytes_before) / len(hosts) / KB,
    )


def _verify(contender: Contender, inventories: Inventories) -> None:
    say(f"verifying the hosts of {contender.title} ...")
    verify = [
        sys.executable,
        "-m",
        "pytest",
        "tests/verify",
        "--lab",
        inventories.pyinfra,
        "-n",
        "auto",
        "-q",
    ]
    done = subprocess.run(
        [str(part) for part in verify], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise TestbedError(f"hosts of {contender.title} do not pass tests/verify:\n{done.stdout[-4000:]}")
