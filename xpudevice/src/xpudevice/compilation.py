"""torch.compile where it works, and weights that it may take for constants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

from xpudevice.availability import first_line


@lru_cache(maxsize=8)
def compile_error(device: torch.device) -> str:
    """Why torch.compile does not work on a device; empty where it does. Takes seconds the first time."""
    tiny = torch.nn.Linear(8, 8).eval().to(device)
    try:
        with torch.no_grad():
            torch.compile(tiny)(torch.ones(2, 8, device=device))
    except Exception as error:  # no compiler, no Triton, a Python too new: each raises something else
        return f"{type(error).__name__}: {first_line(error)} (on a CPU it needs g++, on a GPU triton and gcc)"
    return ""


@contextmanager
def frozen_weights() -> Iterator[None]:
    """What compiles in this block takes weights for constants: oneDNN packs them, norms fold into them."""
    # Importing the compiler takes a second, which those who do not compile need not wait.
    from torch._inductor import config

    # As an option of torch.compile it comes too late for what the capture of the graph decides (2.13.0).
    with config.patch(freezing=True):
        yield
