"""8 bits on a CPU, with the real torchao and the real compiler."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xpudevice import int8, optimize
from xpudevice.bench.resnet50 import Bottleneck
from xpudevice.bench.transformer import TransformerBlock
from xpudevice.hardware import cpu_flags
from xpudevice.int8 import INT8_FLAGS, TORCHAO, int8_error

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
needs_vnni = pytest.mark.skipif(bool(int8_error(CPU)), reason=f"no int8 on this machine: {int8_error(CPU)}")


class DependsOnData(nn.Module):
    """A model that no export can take as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else x


@needs_vnni
def test_a_transformer_block_is_quicker_and_nearly_as_exact_and_leaves_its_input_alone() -> None:
    torch.manual_seed(0)
    model, x = TransformerBlock().eval(), torch.randn(2, 256, 768)
    given = x.clone()
    optimized = optimize(model, precision="int8", samples=[x])
    assert any(each.startswith("int8 for 4 of 4 convolutions and linear layers") for each in optimized.done)
    assert optimized.not_done == ()
    assert optimized.error is not None and 0 < optimized.error < 0.01
    assert not optimized.model.eval().training
    # The graph that torchao makes adds the block's output into the block's input.
    assert torch.equal(x, given)
    seconds: dict[str, list[float]] = {"fp32": [], "int8": []}
    with torch.inference_mode():
        for _ in range(10):
            for name, run in (("fp32", model), ("int8", optimized.model)):
                started = perf_counter()
                run(x)
                seconds[name].append(perf_counter() - started)
    assert min(seconds["fp32"]) > 2 * min(seconds["int8"])


@needs_vnni
def test_convolutions_are_computed_in_8_bits_for_batches_of_any_size() -> None:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 64, 3), nn.ReLU(), Bottleneck(64, 16, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(*layers, nn.Linear(64, 10)).eval()
    images = torch.randn(4, 3, 16, 16)
    optimized = optimize(model, precision="int8", samples=[images])
    assert any(each.startswith("int8 for 5 of 5 convolutions and linear layers") for each in optimized.done)
    with torch.no_grad():
        for batch in (images, images[:1]):
            found, expected = optimized.model(batch), model(batch)
            assert (found - expected).norm() / expected.norm() < 0.05
            assert torch.equal(found.argmax(1), expected.argmax(1))


@needs_vnni
def test_a_model_that_cannot_be_exported_stays_in_floating_point_and_says_why() -> None:
    optimized = optimize(DependsOnData(), precision="int8", samples=[torch.ones(2, 4)])
    assert optimized.not_done[0].startswith("int8: torch.export does not take this model: ")
    assert optimized.error is not None and optimized.error < 0.02


def test_a_cpu_without_instructions_for_it_stays_in_floating_point_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(int8, "cpu_flags", lambda: frozenset({"avx2"}))
    optimized = optimize(nn.Linear(2, 2), precision="int8", samples=[torch.ones(1, 2)])
    assert optimized.not_done[0] == "int8: the CPU has none of amx_int8, avx512_vnni, avx_vnni"
    assert not any("int8" in each for each in optimized.done)


def test_without_the_compiler_it_is_left_out() -> None:
    optimized = optimize(nn.Linear(2, 2), precision="int8", samples=[torch.ones(1, 2)], compile=False)
    assert optimized.not_done[0] == "int8: it needs torch.compile: compile=False"


@needs_vnni
def test_without_torchao_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchao"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(ImportError, match=re.escape(f"pip install torchao=={TORCHAO}")):
        optimize(nn.Linear(2, 2), precision="int8", samples=[torch.ones(1, 2)])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "needs samples"),
        ({"samples": [torch.ones(1, 2)], "dtype": torch.bfloat16}, "takes no optimizer and no dtype"),
        ({"samples": [torch.ones(1, 2)], "precision": "int4"}, "is not offered"),
    ],
)
def test_what_does_not_go_together_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        optimize(nn.Linear(2, 2), **{"precision": "int8", **said})


def test_torchao_has_one_version_everywhere() -> None:
    for place in ("xpudevice/pyproject.toml", "templates/workbench/requirements/torch.in"):
        assert f"torchao=={TORCHAO}" in (ROOT / place).read_text(), place


def test_the_instructions_are_those_that_linux_names() -> None:
    assert INT8_FLAGS & cpu_flags() or int8_error(CPU).startswith("the CPU has none of")
