"""A run as the journal keeps it: who, when, what of, and what became of each host, with no secret in it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from xpulab.converging.outcome import Outcome
from xpulab.desired.masking import masked
from xpulab.desired.thing import Difference
from xpulab.history.journal import HostEntry, RunEntry

MOST_WORDS = 40
"""Differences of one host that are written down."""


def run_entry(
    outcomes: Mapping[str, Outcome], command: Sequence[str], begun: datetime, ended: datetime, dry: bool
) -> RunEntry:
    """The run as it is written down."""
    return RunEntry(
        when=begun,
        seconds=round((ended - begun).total_seconds(), 1),
        who=_who(),
        revision=revision(Path(__file__).parents[2]),
        command=tuple(masked(word) for word in command),
        dry=dry,
        hosts={name: _host(outcomes[name]) for name in sorted(outcomes)},
    )


def revision(checkout: Path) -> str:
    """The version of xpulab, with the commit where it is a checkout."""
    try:
        number = version("xpulab")
    except PackageNotFoundError:
        number = "unknown"
    try:
        head = (checkout / ".git" / "HEAD").read_text().strip()
        commit = (checkout / ".git" / head[5:]).read_text().strip() if head.startswith("ref: ") else head
    except OSError:
        return number
    return f"{number} ({commit[:12]})"


def _host(outcome: Outcome) -> HostEntry:
    return HostEntry(
        state=outcome.state,
        changes=outcome.changes,
        reason=masked(outcome.reason),
        changed=_words(outcome.mended),
        left=_words(outcome.drift),
    )


def _words(differences: Sequence[Difference]) -> tuple[str, ...]:
    said = [masked(f"{each.kind} {each.name}: {each.found} → {each.wanted}") for each in differences]
    more = len(said) - MOST_WORDS
    return (*said[:MOST_WORDS], *([f"and {more} more"] if more > 0 else []))


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
