"""What is done about a drift: differences -> shell scripts in a fixed order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from shlex import quote
from typing import TypeVar

from xpulab.converging.drift import phase_of
from xpulab.desired.image_scripts import PREFETCH
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.thing import Boot, Difference, FetchKey, InApt, Phase, Run, Runs, Shell
from xpulab.shell.scripts import script, snippet

PREFETCH_PATIENCE_S = 300
REBOOT_TIMEOUT_S = PREFETCH_PATIENCE_S + 900
"""The early boot image of a busy host takes its time."""
M = TypeVar("M", FetchKey, InApt, Shell, Boot, Runs)


@dataclass(frozen=True)
class FetchKeys:
    """Download apt keys on the host, accept the pinned ones, write them as keyrings."""

    repositories: tuple[AptRepository, ...]


@dataclass(frozen=True)
class Reboot:
    """Boot the host anew because of `reason`, `delay_s` after the script has ended."""

    reason: str
    delay_s: int = 1

    @property
    def script(self) -> str:
        """The early boot image is made anew first: it may still carry the module that has to go.

        An image's pull under way is waited for, as a reboot would throw away what it has; but not for ever,
        as a registry may have stopped in the middle of a layer. systemd reboots, as a process of this script
        would not outlive a run on the host itself.
        """
        return script(
            [
                f"waited=0; while systemctl is-active --quiet {PREFETCH}; do",
                f"if [ $waited -ge {PREFETCH_PATIENCE_S} ]; then systemctl stop {PREFETCH}; break; fi",
                "sleep 1; waited=$((waited + 1)); done",
                "if command -v update-initramfs >/dev/null; then update-initramfs -u; fi",
                f"systemd-run --quiet --collect --on-active={self.delay_s} "
                "--timer-property=AccuracySec=100ms systemctl reboot",
            ]
        )


Step = FetchKeys | Run | Reboot


def next_steps(drift: Sequence[Difference], lock_wait_s: int) -> tuple[Step, ...]:
    """The steps that lie ahead until the host has to be looked at again; empty for an empty drift.

    Software comes first, then the reboot if a kernel module asks for one, then modules, services, images
    and containers: what those need depends on what the packages and the boot have left behind.
    """
    if any(phase_of(each.mend) <= Phase.FILES for each in drift):
        return _software(drift, lock_wait_s)
    reasons = [f"{each.name}: {each.found}" for each in drift if isinstance(each.mend, Boot)]
    if reasons:
        return (Reboot("; ".join(reasons)),)
    return (*_shell(drift, Phase.MODULES, Phase.UNITS), *_runs(drift))


def _mends(drift: Iterable[Difference], kind: type[M]) -> list[M]:
    return [each.mend for each in drift if isinstance(each.mend, kind)]


def _software(drift: Sequence[Difference], lock_wait_s: int) -> tuple[Step, ...]:
    keys = tuple(each.repository for each in _mends(drift, FetchKey))
    return (
        *(each.asked_first for each in _mends(drift, Runs) if each.asked_first),
        *([FetchKeys(keys)] if keys else []),
        *_shell(drift, Phase.SOURCES),
        *_apt(drift, lock_wait_s),
        *_shell(drift, Phase.FILES),
    )


def _shell(drift: Iterable[Difference], *phases: Phase) -> list[Run]:
    """One script for all mends of a phase and verb; what several differences ask for is done once."""
    wanted = [each for each in _mends(drift, Shell) if each.phase in phases]
    runs = []
    for (_, verb), group in groupby(wanted, key=lambda each: (each.phase, each.verb)):
        mends = list(group)
        names = dict.fromkeys(each.what for each in mends if each.what)
        text = script(line for lines in dict.fromkeys(each.lines for each in mends) for line in lines)
        runs.append(Run(" ".join((verb, *names)), text, max(each.timeout for each in mends)))
    return runs


def _apt(drift: Sequence[Difference], lock_wait_s: int) -> list[Run]:
    changes = _mends(drift, InApt)
    keys = _mends(drift, FetchKey)
    if not (changes or keys or any(each.then_update for each in _mends(drift, Shell))):
        return []
    wanted = [each.install for each in changes if each.install]
    unwanted = [f"{each.remove}-" for each in changes if each.remove]
    options = (
        f"-o DPkg::Lock::Timeout={lock_wait_s} "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
    )
    lines = [
        "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C",
        f"seconds={lock_wait_s}",
        snippet("wait_for_apt"),
        *(["dpkg --configure -a"] if any(each.repair for each in changes) else []),
        *(each.beside_apt for each in _mends(drift, Runs) if each.beside_apt),
        "apt-get -q update",
    ]
    if changes:
        names = " ".join(map(quote, [*wanted, *unwanted]))
        lines.append(
            f"apt-get -q -y --fix-broken --no-install-recommends --allow-downgrades {options} install {names}"
        )
    words = f"apt: {len(wanted)} to install" + (f", {len(unwanted)} to remove" if unwanted else "")
    meaning = "apt could not do it; its own words are above"
    return [Run(words, script(lines), timeout=lock_wait_s + 3600, on_failure=meaning)]


def _runs(drift: Iterable[Difference]) -> list[Run]:
    """Remote commands of images, then of containers."""
    ordered = sorted(_mends(drift, Runs), key=lambda each: each.phase)
    return [run for each in ordered for run in each.runs]
