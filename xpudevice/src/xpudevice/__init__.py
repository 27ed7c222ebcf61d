"""The same PyTorch code on NVIDIA GPUs, Intel GPUs and CPUs."""

from xpudevice.description import Description, describe
from xpudevice.device import DeviceError, get_device
from xpudevice.distributed import distributed_backend
from xpudevice.fallback import recorded_fallbacks
from xpudevice.optimization import optimize
from xpudevice.optimized import Optimized
from xpudevice.precision import autocast

__all__ = [
    "Description",
    "DeviceError",
    "Optimized",
    "autocast",
    "describe",
    "distributed_backend",
    "get_device",
    "optimize",
    "recorded_fallbacks",
]
