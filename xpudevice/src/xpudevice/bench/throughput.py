"""Measure forward passes in several precisions: warm-up, then the median of many turns."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from xpudevice.bench.resnet50 import resnet50
from xpudevice.bench.transformer import TransformerBlock
from xpudevice.inference import relative_error
from xpudevice.int8 import int8_error, torchao_error
from xpudevice.optimization import optimize
from xpudevice.optimized import logger
from xpudevice.precision import bfloat16

WARM_UP = 2
TURNS = (5, 50)
SECONDS_PER_WORKLOAD = 30.0
BASELINE = "fp32"

Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Measurement:
    """The throughput of one variant of a workload; `ratio` is to the same workload as it is, in fp32.

    `error` is the relative error of its answer against that one's.
    """

    workload: str
    variant: str
    unit: str
    per_second: float
    ratio: float
    error: float
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
    prepare: Callable[[nn.Module, Tensor], Forward]


def measure(device: torch.device) -> list[Measurement]:
    """ResNet-50 and a transformer block, in every variant that the device has.

    Some minutes on a CPU of two cores, most of which the compiler takes.
    """
    return [each for workload in _workloads(device) for each in _measured(workload, device)]


def _workloads(device: torch.device) -> tuple[Workload, Workload]:
    images, sequences = (8, 8) if device.type == "cpu" else (64, 32)
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
    variants = [Variant(BASELINE, lambda model, sample: model)]
    if device.type == "cpu":
        variants.insert(0, Variant("fp32 without oneDNN", _without_onednn))
    if bfloat16(device).native:
        variants += [Variant("bf16 by autocast", _autocast), Variant("bf16 weights", _bf16_weights)]
    variants.append(Variant("optimize(model)", lambda model, sample: optimize(model, device=device).model))
    if error := int8_error(device) or torchao_error():
        logger.warning("not measured in int8: %s", error)
    else:
        variants.append(Variant('optimize(model, precision="int8")', _in_8_bits))
    return variants


def _without_onednn(model: nn.Module, sample: Tensor) -> Forward:
    def forward(x: Tensor) -> Tensor:
        off: AbstractContextManager[None] = torch.backends.mkldnn.flags(enabled=False)
        with off:
            return _tensor(model(x))

    return forward


def _autocast(model: nn.Module, sample: Tensor) -> Forward:
    model = _channels_last(model, sample)

    def forward(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return _tensor(model(_channels_last(x, sample)))

    return forward


def _bf16_weights(model: nn.Module, sample: Tensor) -> Forward:
    model = _channels_last(copy.deepcopy(model).to(torch.bfloat16), sample)
    return lambda x: _tensor(model(_channels_last(x.to(torch.bfloat16), sample)))


def _in_8_bits(model: nn.Module, sample: Tensor) -> Forward:
    return optimize(model, device=sample.device, precision="int8", samples=[sample]).model


def _channels_last(what: Any, sample: Tensor) -> Any:
    """A copy in the layout of images, where the workload has images."""
    if sample.dim() != 4:
        return what
    if isinstance(what, Tensor):
        return what.contiguous(memory_format=torch.channels_last)
    return copy.deepcopy(what).to(memory_format=torch.channels_last)


def _tensor(answer: Any) -> Tensor:
    assert isinstance(answer, Tensor)
    return answer


def _measured(workload: Workload, device: torch.device) -> list[Measurement]:
    """All variants take turns, so that whatever else the machine does slows each of them alike."""
    model, sample = workload.model().eval().to(device), workload.sample.to(device)
    runs = {each.name: each.prepare(model, sample) for each in _variants(device)}
    answers = {name: _timed(run, sample)[1] for name, run in runs.items()}
    for _ in range(WARM_UP):
        for run in runs.values():
            _timed(run, sample)
    times: dict[str, list[float]] = {name: [] for name in runs}
    started = perf_counter()
    for turn in range(TURNS[1]):
        if turn >= TURNS[0] and perf_counter() - started > SECONDS_PER_WORKLOAD:
            break
        for name, run in runs.items():
            times[name].append(_timed(run, sample)[0])
    return [
        Measurement(
            workload.name,
            name,
            workload.unit,
            workload.units / median(taken),
            median(times[BASELINE]) / median(taken),
            relative_error(answers[name], answers[BASELINE]),
            len(taken),
        )
        for name, taken in times.items()
    ]


def _timed(run: Forward, sample: Tensor) -> tuple[float, Tensor]:
    """The seconds that one pass took, and its answer."""
    synchronize: Callable[[], None] = getattr(torch, sample.device.type).synchronize
    with torch.inference_mode():
        synchronize()
        started = perf_counter()
        answer = run(sample)
        synchronize()
        return perf_counter() - started, answer
