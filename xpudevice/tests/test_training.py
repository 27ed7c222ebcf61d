"""What `optimize` does for training."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from stand_ins import stand_in_ipex
from xpudevice import optimize, precision
from xpudevice.optimized import Optimized


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Flatten(), nn.Linear(8 * 36, 2))


def trained(optimized: Optimized, steps: int) -> list[float]:
    """The losses of learning whether an image is bright."""
    torch.manual_seed(1)
    images = torch.randn(64, 3, 8, 8)
    labels = (images.mean((1, 2, 3)) > 0).long()
    assert optimized.optimizer is not None
    losses = []
    for _ in range(steps):
        loss = nn.functional.cross_entropy(optimized.model(images), labels)
        optimized.optimizer.zero_grad()
        loss.backward()
        optimized.optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx512_bf16"}))


def test_in_bfloat16_the_model_itself_learns_as_in_float32(with_bf16: None) -> None:
    plain, mixed = network(), network()
    as_ever = optimize(plain, torch.optim.AdamW(plain.parameters(), lr=1e-2), torch.float32, compile=False)
    optimized = optimize(mixed, torch.optim.AdamW(mixed.parameters(), lr=1e-2), compile=False)
    assert "bfloat16 by autocast, weights in float32" in optimized.done
    assert "channels_last" in optimized.done and mixed.training
    expected, found = trained(as_ever, 30), trained(optimized, 30)
    assert expected[-1] < 0.05 and found[-1] < 0.05
    assert found != expected
    assert found[0] == pytest.approx(expected[0], rel=0.02)
    assert {each.dtype for each in mixed.parameters()} == {torch.float32}
    # The weights that learnt are those of the model that was given.
    assert not torch.equal(mixed[0].weight, network()[0].weight)


def test_compiled_it_learns_too(with_bf16: None) -> None:
    model = network()
    optimized = optimize(model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    if "torch.compile, at the first call" not in optimized.done:
        pytest.skip(f"torch.compile does not work on this machine: {optimized.not_done}")
    losses = trained(optimized, 10)
    assert losses[-1] < losses[0] / 2


def test_a_cpu_without_bfloat16_trains_in_float32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_flags", lambda: frozenset({"avx2"}))
    model = network()
    optimized = optimize(model, torch.optim.SGD(model.parameters(), lr=0.1), compile=False)
    assert optimized.not_done[0].startswith("bfloat16: the CPU has none of")


def test_an_optimizer_that_has_stepped_before_goes_on_with_its_state(with_bf16: None) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    trained(optimize(model, optimizer, torch.float32, compile=False), 2)
    momentum = optimizer.state[model[0].weight]["momentum_buffer"].clone()
    optimized = optimize(model, optimizer, compile=False)
    assert optimized.optimizer is optimizer
    assert torch.equal(optimizer.state[model[0].weight]["momentum_buffer"], momentum)


def test_an_optimizer_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="4 of the 4 tensors that the optimizer trains are not the model's"):
        optimize(network(), torch.optim.SGD(network().parameters(), lr=0.1))


def test_float16_is_refused_as_it_needs_a_gradient_scaler() -> None:
    model = network()
    with pytest.raises(ValueError, match="gradient scaler"):
        optimize(model, torch.optim.SGD(model.parameters(), lr=0.1), torch.float16)


def test_8_bits_are_for_inference_alone() -> None:
    model = network()
    with pytest.raises(ValueError, match="is for inference"):
        optimize(model, torch.optim.SGD(model.parameters(), lr=0.1), precision="int8", samples=[1])


def test_a_stand_in_ipex_gets_model_and_optimizer(monkeypatch: pytest.MonkeyPatch, with_bf16: None) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    other = torch.optim.SGD(model.parameters(), lr=0.2)

    def wrap(model: nn.Module, optimizer: Any, dtype: torch.dtype) -> tuple[nn.Module, Any]:
        return model, other

    stand_in_ipex(monkeypatch, "2.8.0+cpu", SimpleNamespace(optimize=wrap))
    optimized = optimize(model, optimizer)
    assert optimized.optimizer is other
    assert "Intel Extension for PyTorch 2.8.0+cpu" in optimized.done
