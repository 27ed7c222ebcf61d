"""bfloat16 where the device is good at it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from xpudevice.device import get_device
from xpudevice.hardware import cpu_flags

# AMX and AVX-512 BF16 on x86, BF16 on Arm: what oneDNN needs to multiply in bfloat16.
# https://oneapi-src.github.io/oneDNN/enum_dnnl_cpu_isa.html (read 2026-11-24)
BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
# PyTorch's own rule: is_bf16_supported in torch/cuda/__init__.py, v2.13.0 (read 2026-11-24)
BF16_COMPUTE_CAPABILITY = (8, 0)

logger = logging.getLogger("xpudevice")


@dataclass(frozen=True)
class Bfloat16:
    """Whether a device has instructions for bfloat16, and how that is known."""

    native: bool
    reason: str


def bfloat16(device: torch.device | None = None) -> Bfloat16:
    """Whether a device, by default that of `get_device`, is good at bfloat16."""
    device = device or get_device()
    if device.type == "cuda":
        return _cuda(device)
    if device.type == "xpu":
        return _xpu(device)
    return _cpu()


def onednn_available() -> bool:
    """Whether this PyTorch is built with oneDNN."""
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def autocast(device: torch.device | None = None, dtype: torch.dtype | None = None) -> torch.autocast:
    """Mixed precision for a `with` block or a function: bfloat16 where the device is good at it.

    Where it is not, the block stays in full precision, and the log says why. A `dtype` that is named is
    taken as it is.
    """
    device = device or get_device()
    if dtype is not None:
        return torch.autocast(device.type, dtype=dtype)
    found = bfloat16(device)
    if not found.native:
        logger.warning("autocast on %s stays in full precision: %s", device, found.reason)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=found.native)


def _cuda(device: torch.device) -> Bfloat16:
    if torch.version.hip:
        return Bfloat16(torch.cuda.is_bf16_supported(), "PyTorch for ROCm says so")
    major, minor = torch.cuda.get_device_capability(device)
    return Bfloat16(
        (major, minor) >= BF16_COMPUTE_CAPABILITY,
        f"compute capability {major}.{minor}, bfloat16 needs {'.'.join(map(str, BF16_COMPUTE_CAPABILITY))}",
    )


def _xpu(device: torch.device) -> Bfloat16:
    properties = torch.xpu.get_device_properties(device)
    native = getattr(properties, "has_bfloat16_conversions", None)
    if native is None:
        return Bfloat16(True, "PyTorch before 2.6 supports only XPU devices that have it")
    return Bfloat16(bool(native), f"the driver says has_bfloat16_conversions={bool(native)}")


def _cpu() -> Bfloat16:
    if not onednn_available():
        return Bfloat16(False, "this PyTorch is built without oneDNN")
    found = sorted(BF16_FLAGS & cpu_flags())
    if not found:
        return Bfloat16(False, f"the CPU has none of {', '.join(sorted(BF16_FLAGS))}")
    return Bfloat16(True, f"oneDNN with {', '.join(found)}")
