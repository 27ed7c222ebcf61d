"""Make a model quick for inference on its device, and say what was done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch

from xpudevice.availability import first_line
from xpudevice.device import get_device
from xpudevice.ipex import ipex_device_type, ipex_version, load_ipex

logger = logging.getLogger("xpudevice")


@dataclass(frozen=True)
class Optimized:
    """A model made ready for inference: what was done to it, and what was not and why."""

    model: torch.nn.Module
    done: tuple[str, ...]
    not_done: tuple[str, ...]


def optimize(
    model: torch.nn.Module, device: torch.device | None = None, *, compile: bool = True
) -> Optimized:
    """Put a model itself on a device, by default that of `get_device`, and make it quick for evaluation.

    Two-dimensional convolutions get channels_last, the layout of oneDNN and of tensor cores. IPEX optimizes
    the model where it is installed for this type of device; else torch.compile does where it works, which is
    tried once per process on a tiny model. What is not done is also logged. The weights stay in their
    precision: use `autocast`.
    """
    device = device or get_device()
    model = model.eval().to(device)
    done = [f"evaluation mode on {device}"]
    not_done = []
    if any(isinstance(each, torch.nn.Conv2d) for each in model.modules()):
        # torch's stubs know no .to() with a memory format alone.
        model = cast(Any, model).to(memory_format=torch.channels_last)
        done.append("channels_last")
    ipex = load_ipex() if ipex_device_type() == device.type else None
    if ipex is not None:
        model = ipex.optimize(model)
        done.append(f"Intel Extension for PyTorch {ipex_version()}")
        not_done.append("torch.compile: IPEX has optimized the model")
    elif not compile:
        not_done.append("torch.compile: compile=False")
    elif error := compile_error(device):
        not_done.append(f"torch.compile: {error}")
    else:
        model = cast(torch.nn.Module, torch.compile(model))
        done.append("torch.compile, at the first call")
    for each in not_done:
        logger.warning("not optimized with %s", each)
    return Optimized(model, tuple(done), tuple(not_done))


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
