"""Make a model quick on its device, for inference or for training, and say what was done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import torch

from xpudevice.device import get_device
from xpudevice.optimized import Optimized


def optimize(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    dtype: torch.dtype | None = None,
    *,
    device: torch.device | None = None,
    precision: Literal["int8"] | None = None,
    samples: Iterable[Any] = (),
    compile: bool = True,
) -> Optimized:
    """Make a model quick on a device, by default that of `get_device`; what is not done is also logged.

    Without an optimizer it is for inference: a copy in evaluation mode, which gives no gradients. With one it
    is for training: the model and the optimizer themselves, to be stepped as ever.

    `dtype` is the precision to compute in; by default bfloat16 where the device is good at it. For inference
    the weights are converted, for training they stay and autocast converts. Inputs and outputs stay in the
    precision that the model came in. Two-dimensional convolutions get channels_last. IPEX optimizes the model
    where it is installed for this type of device; else torch.compile does where it works, which is tried once
    per process on a tiny model. On a CPU it takes the weights of inference for constants, anew for each of up
    to eight sizes of input.

    `samples` are inputs, each a tensor or a tuple of arguments: on them the loss of accuracy is measured.
    `precision="int8"` computes convolutions and linear layers in 8 bits, calibrated on the samples, on x86
    CPUs that have instructions for it.

    Raises:
        DeviceError: as `get_device` does.
        ImportError: int8 without torchao.
        ValueError: what was asked for does not go together, which the message says.
    """
    # Whoever asks for the device alone needs no more of PyTorch than devices.
    from xpudevice.inference import for_inference
    from xpudevice.training import for_training

    inputs = [each if isinstance(each, tuple) else (each,) for each in samples]
    if precision not in (None, "int8"):
        raise ValueError(f'precision={precision!r} is not offered: use "int8", or dtype for floating point')
    if precision and (optimizer or dtype):
        raise ValueError('precision="int8" is for inference, and takes no optimizer and no dtype')
    if precision and not inputs:
        raise ValueError(
            'precision="int8" needs samples: some typical inputs, to measure the range of values'
        )
    device = device or get_device()
    if optimizer:
        return for_training(model, optimizer, device, dtype, compile)
    return for_inference(model, device, dtype, precision == "int8", inputs, compile)
