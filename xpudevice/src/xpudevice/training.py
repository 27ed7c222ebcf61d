"""Make a model and its optimizer quick for training."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from xpudevice.compilation import compile_error
from xpudevice.fed import ForTraining
from xpudevice.inference import has_convolutions, precision_of
from xpudevice.ipex import ipex_device_type, ipex_version, load_ipex
from xpudevice.optimized import Optimized, Steps
from xpudevice.precision import bfloat16


def for_training(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    dtype: torch.dtype | None,
    compile: bool,
) -> Optimized:
    """The model itself and its optimizer on the device; see `optimize`.

    Raises:
        ValueError: float16 was asked for, or the optimizer trains what is not the model's.
    """
    if dtype == torch.float16:
        raise ValueError("float16 needs a gradient scaler, which optimize does not make: use bfloat16")
    _same_weights(model, optimizer)
    steps = Steps()
    came_as = precision_of(model)
    model.train().to(device)
    _move_state(optimizer)
    steps.did(f"training mode on {device}")
    if has_convolutions(model):
        cast(Any, model).to(memory_format=torch.channels_last)
        steps.did("channels_last")
    computes_in = _suited(device, dtype, came_as, steps)
    ready: nn.Module = model
    ipex = load_ipex() if ipex_device_type() == device.type else None
    if ipex is not None:
        ready, optimizer = ipex.optimize(model, optimizer=optimizer, dtype=came_as)
        steps.did(f"Intel Extension for PyTorch {ipex_version()}")
        steps.left_out("torch.compile: IPEX has optimized the model")
    elif not compile:
        steps.left_out("torch.compile: compile=False")
    elif error := compile_error(device):
        steps.left_out(f"torch.compile: {error}")
    else:
        ready = cast(nn.Module, torch.compile(model))
        steps.did("torch.compile, at the first call")
    ready = ForTraining(ready, computes_in, came_as, device)
    return Optimized(ready, tuple(steps.done), tuple(steps.not_done), optimizer=optimizer)


def _same_weights(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    own = {id(each) for each in model.parameters()}
    trained = [each for group in optimizer.param_groups for each in group["params"]]
    if foreign := sum(id(each) not in own for each in trained):
        raise ValueError(
            f"{foreign} of the {len(trained)} tensors that the optimizer trains are not the model's: "
            "make the optimizer from this model's parameters()"
        )


def _move_state(optimizer: torch.optim.Optimizer) -> None:
    """Momenta and the like follow their weights: loading a state puts each on the device of its weight."""
    if optimizer.state:
        optimizer.load_state_dict(optimizer.state_dict())


def _suited(
    device: torch.device, dtype: torch.dtype | None, came_as: torch.dtype, steps: Steps
) -> torch.dtype:
    """The precision of products and convolutions; weights stay in theirs."""
    if dtype is None and came_as == torch.float32:
        found = bfloat16(device)
        if not found.native:
            steps.left_out(f"bfloat16: {found.reason}")
            return came_as
        dtype = torch.bfloat16
    if dtype is None or dtype == came_as:
        return came_as
    steps.did(
        f"{str(dtype).removeprefix('torch.')} by autocast, weights in {str(came_as).removeprefix('torch.')}"
    )
    return dtype
