"""What is done about a drift: differences -> shell scripts in a fixed order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from shlex import quote
from typing import TypeVar

from xpulab.converging.drift import phase_of
from xpulab.desired.image_scripts import PREFETCH
from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.thing import Boot, Difference, FetchKey, InApt, Phase, Run, Runs, Shell, Use
from xpulab.schema.refusal import Refusal
from xpulab.shell.scripts import script, snippet

PREFETCH_PATIENCE_S = 300
APT_FAILED = "apt could not do it; its own words are above"
CERTIFICATES = "ca-certificates"
CONFIGURE = "dpkg --configure -a || echo 'dpkg could not configure every package: apt tries' >&2"
INTERRUPT = "stop what uses it, or set policy in_use: interrupt for this host"
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
    unless_in_use: str = ""
    """Shell that fails where somebody would suffer."""

    @property
    def script(self) -> str:
        """The early boot image is made anew first: it may still carry the module that has to go.

        An image's pull under way is waited for, as a reboot would throw away what it has; but not for ever,
        as a registry may have stopped in the middle of a layer. systemd reboots, as a process of this script
        would not outlive a run on the host itself.
        """
        return script(
            [
                *([self.unless_in_use] if self.unless_in_use else []),
                f"waited=0; while systemctl is-active --quiet {PREFETCH}; do",
                f"if [ $waited -ge {PREFETCH_PATIENCE_S} ]; then systemctl stop {PREFETCH} || :; break; fi",
                "sleep 1; waited=$((waited + 1)); done",
                "if command -v update-initramfs >/dev/null; then update-initramfs -u; fi",
                f"systemd-run --quiet --collect --on-active={self.delay_s} "
                "--timer-property=AccuracySec=100ms systemctl reboot",
            ]
        )


@dataclass(frozen=True)
class Others:
    """Who is asked before something is taken from under them: whoever has an accelerator open.

    These are told by their PCI addresses; `daemons` hold them for everybody.
    """

    daemons: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


Step = FetchKeys | Run | Reboot


def next_steps(
    drift: Sequence[Difference], lock_wait_s: int, others: Others | None = None
) -> tuple[Step, ...]:
    """The steps that lie ahead until the host has to be looked at again; empty for an empty drift.

    Software comes first, then the reboot if a kernel module asks for one, then modules, services, images and
    containers: what those need depends on what the packages and the boot have left behind. Where `others`
    are told, nothing is taken from under containers and processes but from these.
    """
    if any(phase_of(each.mend) <= Phase.FILES for each in drift):
        return (*_unless_in_use(drift, others), *_software(drift, lock_wait_s))
    reasons = [f"{each.name}: {each.found}" for each in drift if isinstance(each.mend, Boot)]
    if reasons:
        guard = in_use(("containers", "accelerators"), others) if others else ""
        return (Reboot("; ".join(reasons), unless_in_use=guard),)
    return (*_unless_in_use(drift, others), *_shell(drift, Phase.MODULES, Phase.UNITS), *_runs(drift))


def in_use(uses: Sequence[Use], others: Others) -> str:
    """Shell that fails and says who would suffer, where somebody would."""
    words = {"uses": uses, "daemons": others.daemons, "addresses": others.addresses}
    said = " ".join(f"{name}={quote(' '.join(values))}" for name, values in words.items())
    return f"{said}\n{snippet('in_use')}"


def _unless_in_use(drift: Sequence[Difference], others: Others | None) -> Iterator[Run]:
    """A question first, where something is to be changed that others may be using."""
    uses = tuple(dict.fromkeys(each.disturbs for each in drift if each.disturbs))
    if uses and others:
        names = next(each.name for each in drift if each.disturbs)
        refusal = Refusal(f"{names} would be taken from under those who use it", INTERRUPT)
        yield Run("ask who would be disturbed", script([in_use(uses, others)]), refusal=refusal)


def _mends(drift: Iterable[Difference], kind: type[M]) -> list[M]:
    return [each.mend for each in drift if isinstance(each.mend, kind)]


def _software(drift: Sequence[Difference], lock_wait_s: int) -> tuple[Step, ...]:
    keys = tuple(each.repository for each in _mends(drift, FetchKey))
    return (
        *(each.asked_first for each in _mends(drift, Runs) if each.asked_first),
        *(_certificates(drift, lock_wait_s) if keys else []),
        *([FetchKeys(keys)] if keys else []),
        *_shell(drift, Phase.SOURCES),
        *_apt(drift, lock_wait_s),
        *_shell(drift, Phase.FILES),
    )


def _certificates(drift: Sequence[Difference], lock_wait_s: int) -> list[Run]:
    """What a key's download needs, where a bare host lacks it: from the sources that it trusts already."""
    wanted = [each.install for each in _mends(drift, InApt) if each.install == CERTIFICATES]
    if not wanted:
        return []
    lines = [
        *_before_apt(lock_wait_s),
        "apt-get -q update",
        f"apt-get -q -y --no-install-recommends {_options(lock_wait_s)} install {CERTIFICATES}",
    ]
    return [Run(f"apt: {CERTIFICATES} first", script(lines), lock_wait_s + 900, on_failure=APT_FAILED)]


def _before_apt(lock_wait_s: int) -> tuple[str, ...]:
    return (
        "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C",
        f"seconds={lock_wait_s}",
        snippet("wait_for_apt"),
    )


def _options(lock_wait_s: int) -> str:
    return (
        f"-o DPkg::Lock::Timeout={lock_wait_s} "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
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
    beside = [each.beside_apt for each in _mends(drift, Runs) if each.beside_apt]
    if beside:  # what it fetches may not be wanted any more when the next run comes
        beside.insert(0, f"trap '[ $? = 0 ] || systemctl stop {PREFETCH} 2>/dev/null || :' EXIT")
    sure = [each.install for each in changes if each.install and not each.otherwise]
    lines = [
        *_before_apt(lock_wait_s),
        # What cannot be configured may be what is to go, so it does not end the script here.
        *([CONFIGURE] if any(each.repair for each in changes) else []),
        *beside,
        snippet("update_apt"),
    ]
    if changes:
        lines += [f"set -- {' '.join(map(quote, [*sure, *unwanted]))}"]
        lines += [_where_there_is_one(each) for each in changes if each.otherwise]
        lines.append(
            "apt-get -q -y --fix-broken --no-install-recommends --allow-downgrades "
            f'{_options(lock_wait_s)} install "$@"'
        )
    words = f"apt: {len(wanted)} to install" + (f", {len(unwanted)} to remove" if unwanted else "")
    return [Run(words, script(lines), timeout=lock_wait_s + 3600, on_failure=APT_FAILED)]


def _where_there_is_one(change: InApt) -> str:
    """The package where a source has it, and what stands in for it where none has."""
    name, otherwise = quote(change.install or ""), " ".join(map(quote, change.otherwise))
    # It succeeds for a name that some other package only speaks of, too.
    there = f"apt-cache show {name} 2>/dev/null | grep -q '^Package: '"
    return f'if {there}; then set -- "$@" {name}; else set -- "$@" {otherwise}; fi'


def _runs(drift: Iterable[Difference]) -> list[Run]:
    """Remote commands of images, then of containers."""
    ordered = sorted(_mends(drift, Runs), key=lambda each: each.phase)
    return [run for each in ordered for run in each.runs]
