"""What one check found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xpudevice.availability import first_line

State = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """One line of the report: which check, where it ran, what it found, and what to do if that is bad."""

    check: str
    where: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Comparison:
    """The worst relative error of a computation, and the one that rounding can explain."""

    error: float
    allowed: float

    def outcome(self, check: str, where: str, remedy: str) -> Outcome:
        """Passed where the error is a number within what is allowed."""
        # A NaN compares as false, so it fails.
        within = self.error <= self.allowed
        detail = f"relative error {self.error:.1e}, allowed {self.allowed:.0e}"
        return Outcome(check, where, "passed" if within else "failed", detail, "" if within else remedy)


def guarded(check: str, where: str, remedy: str, run: Callable[[], Outcome]) -> Outcome:
    """What a check found; one that raises has failed, with the error as its detail."""
    try:
        return run()
    except Exception as error:  # a driver or a runtime may raise anything, and the other checks go on
        return Outcome(check, where, "failed", f"{type(error).__name__}: {first_line(error)}", remedy)
