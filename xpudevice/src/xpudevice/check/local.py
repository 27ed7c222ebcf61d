"""The checks of one device by itself."""

from __future__ import annotations

from functools import partial

import torch

from xpudevice.check.correctness import TOLERANCES, compare_product, compare_training
from xpudevice.check.memory import check_memory
from xpudevice.check.outcome import Outcome, guarded
from xpudevice.fallback import DEBUG, recorded_fallbacks
from xpudevice.precision import bfloat16

COMPUTES_WRONG = {
    "cuda": "take the host out of use, look for Xid, ECC errors (dmesg, nvidia-smi -q), try another driver",
    "xpu": "take the host out of use; look for errors of i915 or xe in dmesg; try another driver",
    "cpu": "take the host out of use; run memtest86+, and compare with ONEDNN_MAX_CPU_ISA=AVX2 set",
}
COMPARISONS = {"matmul": compare_product, "training step": compare_training}
PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16"}


def local_outcomes(device: torch.device) -> list[Outcome]:
    """Products, a training step and memory of one device, each on its own; of XPU what the CPU had to do."""
    with recorded_fallbacks() as fallbacks:
        outcomes = _computed(device)
    return outcomes + ([_fallback(str(device), fallbacks)] if device.type == "xpu" else [])


def _computed(device: torch.device) -> list[Outcome]:
    where, remedy = str(device), COMPUTES_WRONG[device.type]
    outcomes = []
    for name in COMPARISONS:
        for dtype in TOLERANCES:
            check = f"{name} {PRECISIONS[dtype]}"
            run = partial(_compared, check, name, device, dtype)
            outcomes.append(guarded(check, where, remedy, run))
    outcomes.append(guarded("memory", where, remedy, partial(check_memory, "memory", where, device)))
    return outcomes


def _fallback(where: str, operators: set[str]) -> Outcome:
    """No failure: what fell back came out right, and took its time."""
    if not operators:
        return Outcome("fallback", where, "passed", "no operator of these checks was left to the CPU")
    named = f"left to the CPU: {', '.join(sorted(operators))}"
    unnamed = any(" " in each for each in operators)
    return Outcome("fallback", where, "passed", f"{named}{f' ({DEBUG}=1 names it)' if unnamed else ''}")


def _compared(check: str, name: str, device: torch.device, dtype: torch.dtype) -> Outcome:
    if dtype == torch.bfloat16 and not (found := bfloat16(device)).native:
        return Outcome(check, str(device), "skipped", found.reason)
    return COMPARISONS[name](device, dtype).outcome(check, str(device), COMPUTES_WRONG[device.type])
