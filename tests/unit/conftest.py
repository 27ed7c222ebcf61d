"""The day that the tests run on: what a branch's end of life changes is no failure of theirs."""

from __future__ import annotations

from datetime import date

from xpulab.resolving import vendors

# Before any test module loads a catalog.
vendors.today = lambda: date(2026, 11, 26)
