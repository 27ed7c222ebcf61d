"""One choice, recorded where it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from xpulab.catalog.entry import Entry


@dataclass(frozen=True)
class Reason:
    """What was chosen, by which rule, and the entry of the catalog that the rule comes from."""

    choice: str
    answer: str
    rule: str
    entry: Entry = field(compare=False, repr=False)

    @property
    def source(self) -> str:
        """Where the rule can be read, and when it was."""
        return f"{self.entry.source} (read {self.entry.as_of})"
