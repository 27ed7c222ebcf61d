"""Measure forward passes in several precisions: warm-up, then the median of repeated runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from xpudevice.bench.resnet50 import resnet50
from xpudevice.bench.transformer import TransformerBlock
from xpudevice.precision import bfloat16

WARM_UP = 2
RUNS = (5, 50)
SECONDS_PER_VARIANT = 4.0
BASELINE = "fp32"


@dataclass(frozen=True)
class Measurement:
    """The throughput of one variant of a workload; `ratio` is to the same workload in fp32."""

    workload: str
    variant: str
    unit: str
    per_second: float
    ratio: float
    runs: int


@dataclass(frozen=True)
class Workload:
    """A model with an input, and how many units, images or tokens, one pass takes."""

    name: str
    unit: str
    units: int
    model: Callable[[], nn.Module]
    sample: Tensor


@dataclass(frozen=True)
class Variant:
    """A way to run a model."""

    name: str
    weights: torch.dtype = torch.float32
    autocast: bool = False
    channels_last: bool = True
    onednn: bool = True


def measure(device: torch.device) -> list[Measurement]:
    """ResNet-50 and a transformer block, in every variant that the device has; under a minute on a CPU."""
    return [each for workload in _workloads(device) for each in _measured(workload, device)]


def _workloads(device: torch.device) -> tuple[Workload, Workload]:
    images, sequences = (2, 2) if device.type == "cpu" else (64, 32)
    tokens = 256
    return (
        Workload(
            f"ResNet-50 forward, {images} images of 224×224",
            "images/s",
            images,
            resnet50,
            torch.randn(images, 3, 224, 224),
        ),
        Workload(
            f"transformer block forward, {sequences} × {tokens} tokens, width 768",
            "tokens/s",
            sequences * tokens,
            TransformerBlock,
            torch.randn(sequences, tokens, 768),
        ),
    )


def _variants(device: torch.device) -> list[Variant]:
    variants = [Variant(BASELINE)]
    if device.type == "cpu":
        variants.insert(0, Variant("fp32 without oneDNN", channels_last=False, onednn=False))
    if bfloat16(device).native:
        variants += [
            Variant("bf16 by autocast", autocast=True),
            Variant("bf16 weights", weights=torch.bfloat16),
        ]
    return variants


def _measured(workload: Workload, device: torch.device) -> list[Measurement]:
    times = {variant.name: _times(workload, variant, device) for variant in _variants(device)}
    rates = {name: workload.units / median(taken) for name, taken in times.items()}
    return [
        Measurement(workload.name, name, workload.unit, rate, rate / rates[BASELINE], len(times[name]))
        for name, rate in rates.items()
    ]


def _times(workload: Workload, variant: Variant, device: torch.device) -> list[float]:
    """Seconds of each run after the warm-up."""
    model: Any = workload.model().eval().to(device=device, dtype=variant.weights)
    sample = workload.sample.to(device=device, dtype=variant.weights)
    if sample.dim() == 4 and variant.channels_last:
        model = model.to(memory_format=torch.channels_last)
        sample = sample.contiguous(memory_format=torch.channels_last)
    onednn: AbstractContextManager[None] = (
        nullcontext() if variant.onednn else torch.backends.mkldnn.flags(enabled=False)
    )
    mixed = torch.autocast(device.type, dtype=torch.bfloat16, enabled=variant.autocast)
    taken: list[float] = []
    with torch.inference_mode(), onednn, mixed:
        for _ in range(WARM_UP):
            _timed(model, sample, device)
        while len(taken) < RUNS[0] or (sum(taken) < SECONDS_PER_VARIANT and len(taken) < RUNS[1]):
            taken.append(_timed(model, sample, device))
    return taken


def _timed(model: Callable[[Tensor], Tensor], sample: Tensor, device: torch.device) -> float:
    synchronize: Callable[[], None] = getattr(torch, device.type).synchronize
    synchronize()
    started = perf_counter()
    model(sample)
    synchronize()
    return perf_counter() - started
