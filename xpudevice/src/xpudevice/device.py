"""Which device a process computes on."""

from __future__ import annotations

import os

import torch

from xpudevice.availability import DEVICE_TYPES, Availability, availability, local_rank

OVERRIDE = "XPULAB_DEVICE"


class DeviceError(RuntimeError):
    """A device that was asked for does not work; says why, what is there, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Keep reason and remedy apart for those who print them apart."""
        super().__init__(f"{reason}. To do: {remedy}")
        self.reason = reason
        self.remedy = remedy


def get_device() -> torch.device:
    """The device to compute on: the first of cuda, xpu and cpu that works, or the one XPULAB_DEVICE names.

    Under torchrun it is the one that belongs to this process's LOCAL_RANK. A device that is there but does
    not work is passed over with a warning in the log.

    Raises:
        DeviceError: XPULAB_DEVICE names a device that does not work, or no device at all; or torchrun started
            more processes than there are devices.
    """
    found = choose()
    rank = local_rank()
    if found.type == "cpu" or rank is None:
        return torch.device(found.type)
    if rank >= found.count:
        raise DeviceError(
            f"torchrun gave this process local rank {rank}, but there are {found.count} {found.type} devices",
            f"start torchrun with --nproc-per-node {found.count}",
        )
    return torch.device(found.type, rank)


def choose() -> Availability:
    """The type of device that `get_device` takes; raises DeviceError as it does."""
    wanted = override()
    if wanted is None:
        found = next((each for each in map(availability, DEVICE_TYPES) if each.works), None)
        if found is None:
            cpu = availability("cpu")
            raise DeviceError(f"no device works, not even the CPU: {cpu.reason}", cpu.remedy)
        return found
    named = next((each for each in DEVICE_TYPES if each == wanted), None)
    if named is None:
        raise DeviceError(
            f"{OVERRIDE}={wanted} names no device; {_works_here()}",
            f"set it to {', '.join(DEVICE_TYPES[:-1])} or {DEVICE_TYPES[-1]}, or unset it",
        )
    found = availability(named)
    if not found.works:
        raise DeviceError(
            f"{OVERRIDE}={wanted}, but {found.reason}; {_works_here()}",
            f"{found.remedy}; or unset {OVERRIDE}",
        )
    return found


def override() -> str | None:
    """What XPULAB_DEVICE asks for, or None where it is not set or empty."""
    return os.environ.get(OVERRIDE, "").strip().lower() or None


def _works_here() -> str:
    works = [f"{each.type} ({each.count})" for each in map(availability, DEVICE_TYPES) if each.works]
    return f"what works here: {', '.join(works) or 'nothing'}"
