from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from stand_ins import stand_in_ipex
from xpudevice import optimize
from xpudevice.optimization import compile_error

CPU = torch.device("cpu")


def convolution() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 36, 4))


def test_convolutions_get_channels_last_and_the_result_stays_the_same() -> None:
    model, images = convolution(), torch.randn(2, 3, 8, 8)
    expected = model.eval()(images)
    optimized = optimize(model.train(), compile=False)
    assert not optimized.model.training
    assert "channels_last" in optimized.done
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(optimized.model(images), expected)


def test_what_was_not_done_is_returned_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    optimized = optimize(nn.Linear(2, 2), compile=False)
    assert optimized.not_done == ("torch.compile: compile=False",)
    assert "not optimized with torch.compile: compile=False" in caplog.text
    assert optimized.done == ("evaluation mode on cpu",)


def test_a_compiled_model_computes_the_same() -> None:
    if compile_error(CPU):
        pytest.skip(f"torch.compile does not work on this machine: {compile_error(CPU)}")
    model, x = nn.Sequential(nn.Linear(8, 8), nn.GELU()).eval(), torch.randn(2, 8)
    optimized = optimize(model)
    assert "torch.compile, at the first call" in optimized.done
    with torch.no_grad():
        torch.testing.assert_close(optimized.model(x), model(x))


def test_without_a_compiler_the_model_stays_as_it_is_and_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(model: nn.Module) -> nn.Module:
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", fail)
    model = nn.Linear(2, 2)
    optimized = optimize(model)
    assert optimized.model is model
    assert optimized.not_done[0].startswith(
        "torch.compile: RuntimeError: no C++ compiler (on a CPU it needs g++"
    )


def test_a_stand_in_ipex_for_this_device_optimizes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped = nn.Identity()
    stand_in_ipex(monkeypatch, "2.8.0+cpu", SimpleNamespace(optimize=lambda model: wrapped))
    optimized = optimize(nn.Linear(2, 2))
    assert optimized.model is wrapped
    assert optimized.done[-1] == "Intel Extension for PyTorch 2.8.0+cpu"
    assert optimized.not_done == ("torch.compile: IPEX has optimized the model",)


def test_a_stand_in_ipex_for_another_device_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_ipex(monkeypatch, "2.8.10+xpu", AssertionError("must not be imported"))
    assert optimize(nn.Linear(2, 2), compile=False).done == ("evaluation mode on cpu",)
