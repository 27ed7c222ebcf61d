"""Make a model quick for inference."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from xpudevice.availability import first_line
from xpudevice.compilation import compile_error
from xpudevice.fed import ForInference, feeding
from xpudevice.hardware import cpu_flags
from xpudevice.int8 import Sample, int8_error, int8_instructions, layers_in_8_bits, quantized, with_amx
from xpudevice.ipex import ipex_device_type, ipex_version, load_ipex
from xpudevice.optimized import Optimized, Steps
from xpudevice.precision import BF16_FLAGS, bfloat16

SHORT = {torch.bfloat16: "bfloat16", torch.float16: "float16", torch.float32: "float32"}


def for_inference(
    model: nn.Module,
    device: torch.device,
    dtype: torch.dtype | None,
    int8: bool,
    samples: Sequence[Sample],
    compile: bool,
) -> Optimized:
    """A copy of the model for evaluation on the device; see `optimize`."""
    steps = Steps()
    came_as = precision_of(model)
    model = copy.deepcopy(model).eval().to(device)
    steps.did(f"evaluation mode on {device}")
    samples = tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf, list(samples))
    with torch.no_grad():
        expected = [model(*sample) for sample in samples]
    channels_last = has_convolutions(model)
    if channels_last:
        # torch's stubs know no .to() with a memory format alone.
        model = cast(Any, model).to(memory_format=torch.channels_last)
        steps.did("channels_last")
    ready = _in_8_bits(model, device, samples, channels_last, came_as, compile, steps) if int8 else None
    if ready is None:
        ready = _in_floats(model, device, dtype, channels_last, came_as, compile, steps)
    error = max(map(relative_error, (ready(*each) for each in samples), expected)) if samples else None
    return Optimized(ready, tuple(steps.done), tuple(steps.not_done), error)


def precision_of(model: nn.Module) -> torch.dtype:
    """The precision of a model's weights: that of the first one in floating point."""
    floats = (each.dtype for each in model.parameters() if each.is_floating_point())
    return next(floats, torch.float32)


def has_convolutions(model: nn.Module) -> bool:
    """Whether channels_last, the layout of oneDNN and of tensor cores, is worth while."""
    return any(isinstance(each, nn.Conv2d) for each in model.modules())


def relative_error(found: Any, expected: Any) -> float:
    """How far answers are off, all their tensors taken together."""
    both = zip(tree_leaves(found), tree_leaves(expected), strict=True)
    pairs = [(a.double(), b.double()) for a, b in both if isinstance(b, Tensor) and b.is_floating_point()]
    off = sum(float((a - b).square().sum()) for a, b in pairs)
    return float((off / max(sum(float(b.square().sum()) for _, b in pairs), 1e-300)) ** 0.5)


def _in_8_bits(
    model: nn.Module,
    device: torch.device,
    samples: Sequence[Sample],
    channels_last: bool,
    came_as: torch.dtype,
    compile: bool,
    steps: Steps,
) -> nn.Module | None:
    """The model in 8 bits, or None where the steps say why not."""
    if reason := int8_error(device) if compile else "it needs torch.compile: compile=False":
        steps.left_out(f"int8: {reason}")
        return None
    # A batch of another size is compiled anew: what is compiled for any size takes nearly twice the time.
    # The compiled graph may add into a tensor it was given, so each input is a copy (torchao 0.18.0).
    feed = feeding(None, channels_last=channels_last, copied=True)
    try:
        converted = quantized(model, [tree_map(_if_float(feed), each) for each in samples])
    except ImportError:
        raise
    except Exception as error:  # torch.export has as many reasons as there are models
        steps.left_out(
            f"int8: torch.export does not take this model: {type(error).__name__}: {first_line(error)}"
        )
        return None
    in_8_bits, layers = layers_in_8_bits(converted)
    if not in_8_bits:
        steps.left_out("int8: this model has no convolution or linear layer")
        return None
    steps.did(f"int8 for {in_8_bits} of {layers} convolutions and linear layers ({int8_instructions()})")
    steps.did("torch.compile with frozen weights, at the first call")
    return ForInference(cast(nn.Module, torch.compile(converted, dynamic=False)), feed, came_as, frozen=True)


def _in_floats(
    model: nn.Module,
    device: torch.device,
    dtype: torch.dtype | None,
    channels_last: bool,
    came_as: torch.dtype,
    compile: bool,
    steps: Steps,
) -> nn.Module:
    weights = dtype or _suited(device, came_as, steps)
    if weights != came_as:
        model = model.to(weights)
        by = f" ({with_amx(BF16_FLAGS & cpu_flags())})" if device.type == "cpu" and dtype is None else ""
        steps.did(f"{SHORT.get(weights, weights)} weights{by}")
    frozen = False
    ipex = load_ipex() if ipex_device_type() == device.type else None
    if ipex is not None:
        model = ipex.optimize(model, dtype=weights)
        steps.did(f"Intel Extension for PyTorch {ipex_version()}")
        steps.left_out("torch.compile: IPEX has optimized the model")
    elif not compile:
        steps.left_out("torch.compile: compile=False")
    elif error := compile_error(device):
        steps.left_out(f"torch.compile: {error}")
    else:
        frozen = device.type == "cpu"
        # oneDNN packs weights for one size alone; left to itself, the second model or size of a process
        # is compiled for any (2.13.0).
        model = cast(nn.Module, torch.compile(model, dynamic=False if frozen else None))
        steps.did(f"torch.compile{' with frozen weights' if frozen else ''}, at the first call")
    return ForInference(model, feeding(weights, channels_last=channels_last), came_as, frozen=frozen)


def _suited(device: torch.device, came_as: torch.dtype, steps: Steps) -> torch.dtype:
    """bfloat16 for weights in full precision where the device is good at it."""
    if came_as != torch.float32:
        return came_as
    found = bfloat16(device)
    if found.native:
        return torch.bfloat16
    steps.left_out(f"bfloat16: {found.reason}")
    return came_as


def _if_float(change: Any) -> Any:
    return lambda leaf: change(leaf) if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf
