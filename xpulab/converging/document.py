"""What a run with --json prints: one JSON document of pyinfra's operations and xpulab's hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pyinfra.api.state import State, StateStage
from pyinfra_cli.prints import build_plan_json, build_results_json
from pyinfra_cli.util import json_encode

from xpulab.converging.outcome import Outcome
from xpulab.converging.report import totals
from xpulab.desired.masking import masked
from xpulab.desired.thing import Difference
from xpulab.resolving.target import Target


def document(state: State | None, outcomes: Sequence[Outcome]) -> str:
    """The document: pyinfra's keys `plan` and `results` as its own would have them, and `xpulab` beside them.

    `state` is pyinfra's; None where the run ended before it had hosts. `results` is null where nothing was
    executed, as in pyinfra.
    """
    executed = state is not None and state.current_stage >= StateStage.Execute
    said = {
        "plan": build_plan_json(state) if state else [],
        "results": build_results_json(state) if state and executed else None,
        "xpulab": {
            "hosts": {each.host: _host(each) for each in sorted(outcomes, key=lambda each: each.host)},
            "totals": totals(outcomes),
        },
    }
    return json.dumps(said, default=json_encode, ensure_ascii=False)


def _host(outcome: Outcome) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "changes": outcome.changes,
        "differences": [*_differences(outcome.mended, True), *_differences(outcome.drift, False)],
        "target": _target(outcome.target) if outcome.target else None,
        "reason": outcome.reason or None,
        "remedy": outcome.remedy or None,
        "diffs": list(outcome.diffs),
        "last_pull": outcome.last_pull or None,
        "snapshot": outcome.snapshot or None,
    }


def _differences(differences: Sequence[Difference], mended: bool) -> Iterator[dict[str, Any]]:
    for each in differences:
        yield {
            "kind": each.kind,
            "name": masked(each.name),
            "found": masked(each.found),
            "wanted": masked(each.wanted),
            "mended": mended,
            "takes_away": each.takes_away,
        }


def _target(target: Target) -> dict[str, Any]:
    driver = target.driver
    return {
        "vendor": target.vendor,
        "accelerators": [each.name for each in target.accelerators],
        "driver": {"branch": driver.branch, "modules": driver.modules} if driver else None,
        "image": target.image.reference,
        "notes": list(target.notes),
    }
