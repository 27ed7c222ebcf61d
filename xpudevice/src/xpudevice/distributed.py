"""Which torch.distributed backend moves tensors between devices."""

from __future__ import annotations

import importlib
import logging

import torch
import torch.distributed as dist

from xpudevice.availability import first_line
from xpudevice.device import DeviceError, get_device

if dist.is_available():
    # The functions of this module have the process group of the time of its import as a default argument, and
    # so keep it. The first step of an optimizer imports it, by way of torch._dynamo. Imported here, before
    # there is a group, it keeps none, and destroy_process_group can end gloo's threads: one of them that runs
    # on to the end of Python can abort the process. Source: torch/distributed/nn/functional.py of 2.13.0.
    importlib.import_module("torch.distributed.nn.functional")

logger = logging.getLogger("xpudevice")


def distributed_backend(device: torch.device | None = None) -> str:
    """The backend for `init_process_group`: nccl for cuda, xccl (ccl before PyTorch 2.8) for xpu, else gloo.

    `device` is by default that of `get_device`. Where PyTorch has no NCCL, cuda gets gloo, which is logged.

    Raises:
        DeviceError: nothing here can move this device's tensors.
    """
    device = device or get_device()
    if not dist.is_available():
        raise DeviceError(
            f"PyTorch {torch.__version__} is built without torch.distributed",
            "use an official build of PyTorch",
        )
    if device.type == "xpu":
        return _xpu_backend()
    if device.type == "cuda":
        if dist.is_nccl_available():
            return "nccl"
        logger.warning("gloo, which is slow, moves CUDA tensors: PyTorch %s has no NCCL", torch.__version__)
    if not dist.is_gloo_available():
        raise DeviceError(
            f"PyTorch {torch.__version__} is built without gloo", "use an official build of PyTorch"
        )
    return "gloo"


def _xpu_backend() -> str:
    # XCCL is in PyTorch's own builds from 2.8 on: https://github.com/pytorch/pytorch/issues/141741
    has_xccl = getattr(dist, "is_xccl_available", None)
    if has_xccl is not None and has_xccl():
        return "xccl"
    try:
        importlib.import_module("oneccl_bindings_for_pytorch")
    except Exception as error:  # its shared libraries fail in many ways
        raise DeviceError(
            f"PyTorch {torch.__version__} has no XCCL, and oneccl_bindings_for_pytorch does not load: "
            f"{first_line(error)}",
            "use an XPU build of PyTorch 2.8 or later",
        ) from error
    return "ccl"
