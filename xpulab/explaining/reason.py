"""One choice explained."""

from __future__ import annotations

from dataclasses import dataclass

from xpulab.catalog.entry import Entry


@dataclass(frozen=True)
class Reason:
    """What was chosen, by which rule, and where the rule comes from."""

    choice: str
    answer: str
    rule: str
    source: str

    @classmethod
    def of(cls, choice: str, answer: str, rule: str, entry: Entry) -> Reason:
        """A reason whose rule is an entry of the catalog."""
        return cls(choice, answer, rule, f"{entry.source} (read {entry.as_of})")
