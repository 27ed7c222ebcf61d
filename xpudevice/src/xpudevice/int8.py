"""8-bit weights and activations on x86 CPUs, by torchao: PT2E quantization for TorchInductor's oneDNN."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from xpudevice.compilation import compile_error
from xpudevice.hardware import cpu_flags

# What multiplies 8-bit numbers without saturating in between, on x86.
# https://uxlfoundation.github.io/oneDNN/dev_guide_int8_computations.html (read 2026-11-27)
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
TORCHAO = "0.18.0"

Sample = tuple[Any, ...]


def int8_error(device: torch.device) -> str:
    """Why 8 bits are no gain on a device; empty where they are."""
    if device.type != "cpu":
        return f"on {device.type} it is not offered, on CPUs alone"
    if not INT8_FLAGS & cpu_flags():
        return f"the CPU has none of {', '.join(sorted(INT8_FLAGS))}"
    if error := compile_error(device):
        return f"it needs torch.compile: {error}"
    return ""


def torchao_error() -> str:
    """Why torchao cannot be had, with what to do; empty where it can."""
    try:
        with _quietly():
            _torchao()
    except ImportError as error:
        return str(error)
    return ""


def int8_instructions() -> str:
    """What this CPU multiplies 8-bit numbers with."""
    return with_amx(INT8_FLAGS & cpu_flags())


def with_amx(flags: frozenset[str]) -> str:
    """Instruction sets as words, which also say that the quickest of them is not there."""
    amx = any(each.startswith("amx") for each in flags)
    return f"oneDNN with {', '.join(sorted(flags))}{'' if amx else '; this CPU has no AMX'}"


def quantized(model: nn.Module, samples: Sequence[Sample]) -> nn.Module:
    """The model with convolutions and linear layers in 8 bits, calibrated on samples; to be compiled.

    Raises:
        ImportError: there is no torchao; says what to install.
        Exception: whatever torch.export raises of a model that it cannot take.
    """
    # TorchInductor's own, each time it compiles such a layer (2.13.0).
    warnings.filterwarnings("ignore", message="To copy construct from a tensor", module=r"torch\._inductor")
    with _quietly(), torch.no_grad():
        pt2e, x86 = _torchao()
        exported = torch.export.export(model, samples[0], dynamic_shapes=_any_batch(samples[0])).module()
        quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
        prepared = pt2e.prepare_pt2e(exported, quantizer)
        for sample in samples:
            prepared(*sample)
        converted: nn.Module = pt2e.convert_pt2e(prepared)
    return converted


def layers_in_8_bits(model: nn.Module) -> tuple[int, int]:
    """How many convolutions and linear layers compute in 8 bits in a converted model, and how many it has."""
    nodes = [
        node
        for node in model.graph.nodes  # type: ignore[union-attr]
        if str(node.target).removeprefix("aten.").split(".")[0] in ("conv1d", "conv2d", "conv3d", "linear")
    ]
    return sum("dequantize" in str(node.args[0].target) for node in nodes), len(nodes)


def _torchao() -> tuple[ModuleType, ModuleType]:
    base = "torchao.quantization.pt2e"
    try:
        return (
            importlib.import_module(f"{base}.quantize_pt2e"),
            importlib.import_module(f"{base}.quantizer.x86_inductor_quantizer"),
        )
    except ImportError as error:
        raise ImportError(
            f'precision="int8" needs torchao ({error}). To do: pip install torchao=={TORCHAO}'
        ) from error


def _any_batch(sample: Sample) -> tuple[Any, ...] | None:
    """Every tensor's first dimension is the batch, which may be another one later if the model allows it."""
    if not all(isinstance(each, Tensor) and each.dim() for each in sample):
        return None
    return tuple({0: torch.export.Dim.AUTO} for _ in sample)


@contextmanager
def _quietly() -> Iterator[None]:
    """torchao warns of its own GPU libraries that do not load on a CPU, and of PyTorch's plans."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
