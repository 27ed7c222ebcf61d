"""The day that the tests run on, so that a branch's end of life is no failure of theirs."""

from __future__ import annotations

import os
import tempfile
from datetime import date

from xpulab.resolving import vendors

# Before any test module loads a catalog.
vendors.today = lambda: date(2026, 11, 26)
# Runs of tests are none of those that whoever runs the tests would look up.
_state = tempfile.TemporaryDirectory(prefix="xpulab-state-")
os.environ["XDG_STATE_HOME"] = _state.name
