"""Does a device keep what is written to its memory, and give it back?"""

from __future__ import annotations

from typing import Any

import torch

from xpudevice.check.outcome import Outcome
from xpudevice.hardware import memory_available, memory_resident

MIB = 2**20
PART = 16 * MIB
ROUNDS = 3
# Bounds keep the check quick, and polite to others on the machine.
LARGEST = {"cpu": 128 * MIB, "cuda": 4096 * MIB, "xpu": 4096 * MIB}
SHARE = 0.25
# An allocator keeps a little for itself.
SLACK = {"cpu": 64 * MIB, "cuda": 0, "xpu": 0}


def check_memory(check: str, where: str, device: torch.device) -> Outcome:
    """Fill a bounded part of the free memory with a pattern, read it back, free it, three times."""
    size = int(min(LARGEST[device.type], SHARE * _free(device))) // PART * PART
    if size < PART:
        return Outcome(
            check,
            where,
            "failed",
            "less than 64 MiB of memory is free",
            "stop what else uses this device's memory",
        )
    _write_and_read(device, PART)
    before = _used(device)
    wrong = sum(_write_and_read(device, size) for _ in range(ROUNDS))
    kept = _used(device) - before
    if wrong:
        return Outcome(
            check,
            where,
            "failed",
            f"{wrong} of {size * ROUNDS} bytes came back changed",
            "take the host out of use and test its memory (ECC errors: nvidia-smi -q, xpu-smi, memtest86+)",
        )
    if kept > SLACK[device.type]:
        return Outcome(
            check,
            where,
            "failed",
            f"{kept // MIB} MiB of {size // MIB} MiB were not given back",
            "run it again; if it stays, update PyTorch and the driver: training would run out of memory",
        )
    return Outcome(check, where, "passed", f"{size // MIB} MiB written, read back and freed, {ROUNDS} times")


def _write_and_read(device: torch.device, size: int) -> int:
    """How many bytes came back other than written."""
    pattern = torch.arange(PART, dtype=torch.int32).remainder(251).to(torch.uint8).to(device)
    written = pattern.repeat(size // PART).view(-1, PART)
    # Part by part, so that the comparison takes no memory of the same size.
    return sum(0 if torch.equal(part, pattern) else int((part != pattern).sum()) for part in written)


def _free(device: torch.device) -> int:
    if device.type == "cpu":
        return memory_available()
    module = _module(device)
    if hasattr(module, "mem_get_info"):
        return int(module.mem_get_info(device)[0])
    # torch.xpu has it from 2.6 on.
    return int(module.get_device_properties(device).total_memory) - int(module.memory_reserved(device))


def _used(device: torch.device) -> int:
    if device.type == "cpu":
        return memory_resident()
    module = _module(device)
    module.synchronize(device)
    module.empty_cache()
    return int(module.memory_allocated(device))


def _module(device: torch.device) -> Any:
    return getattr(torch, device.type)
