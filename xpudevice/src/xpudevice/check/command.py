"""The command xpu-check."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from time import perf_counter

import torch
import torch.distributed as dist

from xpudevice.availability import DEVICE_TYPES, availability, first_line
from xpudevice.bench.throughput import Measurement, measure
from xpudevice.check.collectives import (
    NETWORK,
    collective_outcomes,
    control_group,
    exchange,
    gathered,
    rank,
    under_torchrun,
)
from xpudevice.check.local import local_outcomes
from xpudevice.check.outcome import Outcome
from xpudevice.check.report import Report, as_json, as_text
from xpudevice.check.torchrun import ranks_of_this_host, spawned_outcomes
from xpudevice.description import Description, describe
from xpudevice.device import OVERRIDE, DeviceError, get_device, override


def main(argv: Sequence[str] | None = None) -> int:
    """Check this host's devices, or under torchrun those of all ranks; the exit status is 1 on any doubt.

    Under torchrun rank 0 prints the report of all ranks, and every rank has the same exit status.
    """
    arguments = _arguments(argv)
    if arguments.device:
        os.environ[OVERRIDE] = arguments.device
    started, load = perf_counter(), os.getloadavg()[0]
    description, outcomes = _device()
    if under_torchrun():
        outcomes, prints = _all_ranks(description, outcomes)
    else:
        outcomes += _this_host(description, distributed=not arguments.no_distributed)
        prints = True
    measurements: list[Measurement] = []
    if arguments.bench and description:
        measurements = measure(get_device())
    report = Report(description, outcomes, measurements, perf_counter() - started, load)
    if prints:
        print(as_json(report) if arguments.json else as_text(report), flush=True)
    return 0 if report.passed else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="xpu-check",
        description="Does the device compute what the CPU computes, alone and with the others?",
        epilog="Over several hosts: torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d "
        "--rdzv-endpoint HOST:29400 -m xpudevice.check",
    )
    parser.add_argument(
        "--device", choices=DEVICE_TYPES, help=f"check this type of device, as {OVERRIDE} does"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--no-distributed", action="store_true", help="leave the all-reduce out")
    parser.add_argument(
        "--bench",
        action="store_true",
        help="also measure the throughput of ResNet-50 and a transformer block",
    )
    arguments = parser.parse_args(argv)
    if under_torchrun() and (arguments.no_distributed or arguments.bench):
        parser.error("under torchrun there is no --no-distributed and no --bench: start it without torchrun")
    return arguments


def _device() -> tuple[Description | None, list[Outcome]]:
    try:
        description = describe()
    except DeviceError as error:
        return None, [Outcome("device", override() or "any", "failed", error.reason, error.remedy)]
    there = Outcome("device", description.device, "passed", f"{description.count} × {description.name}")
    return description, [there, *_broken_devices()]


def _broken_devices() -> list[Outcome]:
    """Devices that are there and were passed over; none where the user named the device to take."""
    if override():
        return []
    found = [availability(each) for each in DEVICE_TYPES]
    return [
        Outcome(
            "device", each.type, "failed", each.reason, f"{each.remedy}; or set {OVERRIDE} to do without it"
        )
        for each in found
        if each.broken
    ]


def _this_host(description: Description | None, distributed: bool) -> list[Outcome]:
    if description is None:
        return []
    device_type = get_device().type
    devices = (
        [torch.device("cpu")]
        if device_type == "cpu"
        else [torch.device(device_type, index) for index in range(description.count)]
    )
    outcomes = [outcome for device in devices for outcome in local_outcomes(device)]
    if distributed:
        outcomes += spawned_outcomes(device_type, ranks_of_this_host(device_type, description.count))
    return outcomes


def _all_ranks(description: Description | None, outcomes: list[Outcome]) -> tuple[list[Outcome], bool]:
    """The outcomes of all ranks, and whether this one prints them; where the ranks cannot meet, each does."""
    try:
        with control_group():
            outcomes = outcomes + (local_outcomes(get_device()) if description else [])
            if _everyone(description is not None):
                outcomes += collective_outcomes(get_device())
            return gathered(outcomes), dist.get_rank() == 0
    except Exception as error:  # a rank that is lost or out of reach shows as many kinds of error
        lost = Outcome(
            "all-reduce",
            f"rank {rank()}",
            "failed",
            f"the ranks cannot meet: {type(error).__name__}: {first_line(error)}",
            NETWORK,
        )
        return [*outcomes, lost], True


def _everyone(here: bool) -> bool:
    """Whether every rank has a device."""
    return all(answer == "yes" for answer in exchange("yes" if here else "no"))


if __name__ == "__main__":
    sys.exit(main())
