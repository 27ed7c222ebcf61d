"""Saves what a host's probe saw, where a run is told to with `--data snapshot=DIR`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from xpulab.converging.job import Job
from xpulab.converging.outcome import Outcome
from xpulab.desired.role import Role
from xpulab.probing.observed import Observed
from xpulab.resolving.vendors import load_catalog
from xpulab.snapshots import folder as snapshots
from xpulab.snapshots.taking import take

KEY = "snapshot"


def with_snapshot(
    host: Host, outcome: Outcome, observed: Observed, job: Job, built_in: tuple[Role, ...]
) -> Outcome:
    """The outcome with the file that was written, or with why none was: that is this host's word alone."""
    folder = ctx_state.get().inventory.get_override_data().get(KEY)
    if folder is None:
        return outcome
    if isinstance(folder, (bool, dict, list)) or not str(folder).strip():
        return replace(outcome, no_snapshot="--data snapshot=DIR takes a folder")
    try:
        taken = take(outcome, observed, job.settings, job.watched, job.roles, built_in, load_catalog())
        path = snapshots.write(Path(str(folder)).expanduser(), taken)
    except OSError as error:
        return replace(outcome, no_snapshot=f"it cannot be written to {folder} ({error.strerror})")
    except Exception as error:  # one host's oddity is no reason to end the run for the others
        return replace(outcome, no_snapshot=f"it cannot be made: {type(error).__name__}: {error}")
    return replace(outcome, snapshot=str(path))
