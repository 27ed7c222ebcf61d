"""The patch of the catalog that findings propose: a unified diff for a person to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff

from xpulab.upstreams.editing import CannotEdit, edited
from xpulab.upstreams.finding import Finding

FOLDER = "xpulab/catalog"
"""Where the catalog lies in the repository: a patch is applied at its top."""


@dataclass(frozen=True)
class Proposal:
    """A diff, and what of the findings it leaves to a person, with why."""

    diff: str
    left: tuple[str, ...]


def propose(findings: Iterable[Finding], texts: Mapping[str, str], today: date) -> Proposal:
    """The edits of all findings, made in the texts of the catalog's files; each entry's date is today's.

    A finding is made wholly or not at all.
    """
    changed, left = dict(texts), []
    for finding in findings:
        if finding.rotten and not finding.edits:
            left.append(f"{finding.name}: {finding.detail}")
        if not finding.edits:
            continue
        file = finding.edits[0].place.file
        try:
            changed[file] = edited(changed[file], finding.edits, today.isoformat())
        except CannotEdit as reason:
            left.append(f"{finding.name}: {finding.detail} ({reason})")
    return Proposal("".join(_diff(file, texts[file], changed[file]) for file in texts), tuple(left))


def _diff(file: str, before: str, after: str) -> str:
    path = f"{FOLDER}/{file}"
    lines = unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    return "".join(lines)
