"""Operators that an Intel GPU leaves to the CPU."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Source: src/ATen/native/xpu/XPUFallback.template of intel/torch-xpu-ops (read 2026-11-27).
# PyTorch reads both when it is imported.
ENABLE = "PYTORCH_ENABLE_XPU_FALLBACK"
DEBUG = "PYTORCH_DEBUG_XPU_FALLBACK"
NAMED = re.compile(r"The operator '(\S+?)'? on the XPU backend (?:is falling|will fall) back")
# How the dispatcher prints a boxed function without a signature; those of Python are no fallbacks.
BOXED = re.compile(r"^XPU: registered at (?!.*\.py:\d+ ::).* :: \(none\) \[ boxed \]$", re.MULTILINE)
UNNAMED = "Aten Op fallback from XPU to CPU"


def left_to_cpu() -> tuple[str, ...]:
    """The operators that this build of PyTorch registers for XPU devices by handing them to the CPU.

    Such a registration is a boxed function, which copies the tensors to the CPU and back, and has no
    signature of its own; a kernel has one. Builds without XPU have none.
    """
    operators = torch._C._dispatch_get_registrations_for_dispatch_key("XPU")
    return tuple(sorted(each for each in operators if _is_fallback(torch._C._dispatch_dump(each))))


def missing_are_computed() -> bool:
    """Whether the CPU also computes what has no registration at all; else such an operator is an error."""
    value = os.environ.get(ENABLE, "")
    return value.isdigit() and int(value) != 0


def summary() -> str:
    """What `describe` says of an XPU device: which operators the CPU computes, and what becomes of others."""
    known = left_to_cpu()
    some = f", such as {', '.join(known[:3])}" if known else ""
    missing = (
        "are left to the CPU"
        if missing_are_computed()
        else f"are an error ({ENABLE}=1 leaves them to the CPU)"
    )
    return f"{len(known)} operators{some}; those that PyTorch does not have for XPU {missing}"


@contextmanager
def recorded_fallbacks() -> Iterator[set[str]]:
    """The operators that fell back to the CPU in this block, by PyTorch's warnings; full when the block ends.

    PyTorch names them where PYTORCH_DEBUG_XPU_FALLBACK=1 was set when Python started. Without it there is one
    warning per process, without a name, which counts as "an operator without a name". Other warnings pass.
    """
    found: set[str] = set()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
    finally:
        for each in caught:
            text = str(each.message)
            if named := NAMED.search(text):
                found.add(named[1])
            elif UNNAMED in text:
                found.add("an operator without a name")
            else:
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _is_fallback(dump: str) -> bool:
    """Whether all that the dispatcher has for XPU is a boxed function of C++."""
    return BOXED.search(dump) is not None
