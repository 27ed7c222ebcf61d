"""Devices that this machine does not have: torch.cuda and torch.xpu answer as with such a device."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from xpudevice import availability, ipex

GIB = 2**30


def stand_in_cuda(
    monkeypatch: pytest.MonkeyPatch, count: int = 1, capability: tuple[int, int] = (8, 6), error: str = ""
) -> None:
    """NVIDIA cards; with `error` they are there but do not compute."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    _named(monkeypatch, torch.cuda, "NVIDIA GeForce RTX 3090", SimpleNamespace(total_memory=24 * GIB))
    _products(monkeypatch, "cuda", error)


def stand_in_xpu(
    monkeypatch: pytest.MonkeyPatch, count: int = 1, error: str = "", **properties: bool
) -> None:
    """Intel cards; with `error` they are there but do not compute."""
    monkeypatch.setattr(torch.xpu, "_is_compiled", lambda: True)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: count)
    _named(
        monkeypatch,
        torch.xpu,
        "Intel Arc A770 Graphics",
        SimpleNamespace(total_memory=16 * GIB, **properties),
    )
    _products(monkeypatch, "xpu", error)


def stand_in_cuda_build(monkeypatch: pytest.MonkeyPatch, nodes: list[Path]) -> None:
    """A CUDA build of PyTorch whose CUDA does not start."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(availability, "nvidia_nodes", lambda: nodes)


def stand_in_xpu_build(monkeypatch: pytest.MonkeyPatch, nodes: list[Path]) -> None:
    """An XPU build of PyTorch whose Level Zero finds nothing."""
    monkeypatch.setattr(torch.xpu, "_is_compiled", lambda: True)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    monkeypatch.setattr(availability, "intel_render_nodes", lambda: nodes)


def stand_in_ipex(monkeypatch: pytest.MonkeyPatch, version: str, module: Any) -> None:
    """An installed IPEX; `module` is what importing it gives, or the error it raises."""

    def import_module(name: str) -> Any:
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr(ipex, "version", lambda name: version)
    monkeypatch.setattr(ipex.importlib, "import_module", import_module)


def _named(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, properties: SimpleNamespace) -> None:
    monkeypatch.setattr(module, "get_device_name", lambda device=None: name)
    monkeypatch.setattr(module, "get_device_properties", lambda device=None: properties)


def _products(monkeypatch: pytest.MonkeyPatch, device_type: str, error: str) -> None:
    real = availability.product_error
    monkeypatch.setattr(
        availability,
        "product_error",
        lambda device: error if device.type == device_type else real(device),
    )
