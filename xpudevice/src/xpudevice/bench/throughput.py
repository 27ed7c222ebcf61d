"""Measure forward passes in several precisions: warm-up, then the median of many turns."""

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
TURNS = (5, 50)
SECONDS_PER_WORKLOAD = 15.0
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
    """All variants take turns, so that whatever else the machine does slows each of them alike."""
    runs = {variant.name: _prepared(workload, variant, device) for variant in _variants(device)}
    for run in runs.values():
        for _ in range(WARM_UP):
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    started = perf_counter()
    for turn in range(TURNS[1]):
        if turn >= TURNS[0] and perf_counter() - started > SECONDS_PER_WORKLOAD:
            break
        for name, run in runs.items():
            times[name].append(run())
    rates = {name: workload.units / median(taken) for name, taken in times.items()}
    return [
        Measurement(workload.name, name, workload.unit, rate, rate / rates[BASELINE], len(times[name]))
        for name, rate in rates.items()
    ]


def _prepared(workload: Workload, variant: Variant, device: torch.device) -> Callable[[], float]:
    """A function that runs the workload once and returns the seconds it took."""
    model: Any = workload.model().eval().to(device=device, dtype=variant.weights)
    sample = workload.sample.to(device=device, dtype=variant.weights)
    if sample.dim() == 4 and variant.channels_last:
        model = model.to(memory_format=torch.channels_last)
        sample = sample.contiguous(memory_format=torch.channels_last)
    synchronize: Callable[[], None] = getattr(torch, device.type).synchronize

    def run() -> float:
        mixed = torch.autocast(device.type, dtype=torch.bfloat16, enabled=variant.autocast)
        onednn: AbstractContextManager[None] = (
            nullcontext() if variant.onednn else torch.backends.mkldnn.flags(enabled=False)
        )
        with torch.inference_mode(), onednn, mixed:
            synchronize()
            started = perf_counter()
            model(sample)
            synchronize()
            return perf_counter() - started

    return run
