"""Results as files: all samples with where and when they were taken, and the medians for programs."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.samples import GROWING, Sample, growth, summarise

PACKAGES = ("pyinfra", "ansible-core", "mitogen")
KB, GIB = 1000, 2**30


@dataclass(frozen=True)
class Result:
    """One scenario: what it was run on, and every run."""

    about: Mapping[str, str]
    samples: list[Sample]


Results = dict[str, Result]


def this_machine() -> dict[str, str]:
    """Date, machine and versions, as the page tells them."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    openssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    return {
        "date": date.today().isoformat(),
        "machine": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "OpenSSH": openssh.split(",")[0].removeprefix("OpenSSH_"),
    }


def save(results: Results, file: Path) -> None:
    """Write all samples."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({name: asdict(each) for name, each in results.items()}, indent=1) + "\n")


def load(file: Path) -> Results:
    """Read what `save` wrote; nothing, where there is no such file."""
    if not file.is_file():
        return {}
    raw = json.loads(file.read_text())
    return {
        name: Result(each["about"], [Sample(**sample) for sample in each["samples"]])
        for name, each in raw.items()
    }


def medians(results: Results) -> dict[str, Any]:
    """For programs: scenario, contender, metric, and beside them the ranges and the growth."""
    told: dict[str, Any] = {}
    for scenario, result in results.items():
        if scenario == "growth":
            told[scenario] = {
                metric: {name: asdict(line) for name, line in growth(result.samples, metric).items()}
                for metric in GROWING
            }
            continue
        told[scenario] = {
            contender: {
                **{metric: round(each.median, 4) for metric, each in spreads.items()},
                "ranges": {metric: [each.least, each.most] for metric, each in spreads.items()},
                "hosts": next(each.hosts for each in result.samples if each.contender == contender),
                "rounds": sum(each.contender == contender for each in result.samples),
            }
            for contender, spreads in summarise(result.samples).items()
        }
    return told
