"""Whether a type of device works here, and if not, why and what to do."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch

from xpudevice.hardware import intel_render_nodes, may_open, nvidia_nodes
from xpudevice.ipex import ipex_device_type, load_ipex

DeviceType = Literal["cuda", "xpu", "cpu"]
DEVICE_TYPES: tuple[DeviceType, ...] = ("cuda", "xpu", "cpu")

logger = logging.getLogger("xpudevice")


@dataclass(frozen=True)
class Availability:
    """How one type of device stands: `count` devices, or none, and then a reason and a remedy.

    A device is broken where it is there, this PyTorch is built for it, and it does not compute all the same.
    """

    type: DeviceType
    count: int = 0
    reason: str = ""
    remedy: str = ""
    broken: bool = False

    @property
    def works(self) -> bool:
        """Whether there is at least one device that computes."""
        return self.count > 0


@lru_cache(maxsize=len(DEVICE_TYPES))
def availability(device_type: DeviceType) -> Availability:
    """Look at one type of device, once per process. It works when a small product on it comes out right.

    Of several devices only the one of this process is tried, which is that of LOCAL_RANK under torchrun, so
    that no process takes memory on a device of another. A broken device is logged as a warning.
    """
    looks: dict[DeviceType, Callable[[], Availability]] = {"cuda": _cuda, "xpu": _xpu, "cpu": _cpu}
    found = looks[device_type]()
    if found.broken:
        logger.warning("%s is not used: %s. To do: %s", device_type, found.reason, found.remedy)
    return found


def local_rank() -> int | None:
    """This process's place among those that torchrun started on this host; None without torchrun."""
    rank = os.environ.get("LOCAL_RANK", "")
    return int(rank) if rank.isdigit() else None


def product_error(device: torch.device) -> str:
    """Why a small matrix product on a device fails or comes out wrong; empty where it is right."""
    try:
        ones = torch.ones(64, 64, device=device)
        right = bool(torch.all((ones @ ones).cpu() == 64))
    except Exception as error:  # whatever a driver or a runtime raises is the reason
        return first_line(error)
    return "" if right else "a matrix product came out wrong"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, else the name of its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _cuda() -> Availability:
    if not (torch.version.cuda or torch.version.hip):
        return _not_built("cuda")
    with warnings.catch_warnings():
        # PyTorch warns here of what becomes the reason below.
        warnings.simplefilter("ignore")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    nodes = nvidia_nodes()
    if count:
        return _tried(
            "cuda",
            count,
            "check nvidia-smi and dmesg (NVRM, Xid), and that this PyTorch has code for the card: "
            "torch.cuda.get_arch_list()",
        )
    if not nodes:
        return Availability(
            "cuda",
            reason="there is no NVIDIA device node (/dev/nvidia0)",
            remedy="check that nvidia-smi lists the card on the host, and start containers with --gpus all",
        )
    return Availability(
        "cuda",
        reason=f"{nodes[0]} is there, but CUDA does not start: {_cuda_start_error()}",
        remedy="check nvidia-smi here; update the driver, or use a PyTorch built for an older CUDA",
        broken=True,
    )


def _cuda_start_error() -> str:
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except Exception as error:
        return first_line(error)
    return "it finds no device (is CUDA_VISIBLE_DEVICES set?)"


def _xpu() -> Availability:
    if not _built_for_xpu():
        return _not_built("xpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = torch.xpu.device_count() if torch.xpu.is_available() else 0
    if count:
        return _tried(
            "xpu", count, "check dmesg (i915, xe), and that kernel, firmware and libze-intel-gpu1 fit"
        )
    nodes = intel_render_nodes()
    if not nodes:
        return Availability(
            "xpu",
            reason="there is no render node of an Intel GPU (/dev/dri/renderD128)",
            remedy="check lspci and dmesg (i915, xe) on the host; start containers with --device /dev/dri",
        )
    closed = [node for node in nodes if not may_open(node)]
    if closed:
        return Availability(
            "xpu",
            reason=f"{closed[0]} may not be opened by this user",
            remedy=f"join the group {closed[0].stat().st_gid} that owns it and log in again; "
            f"containers take --group-add {closed[0].stat().st_gid}",
            broken=True,
        )
    return Availability(
        "xpu",
        reason=f"{nodes[0]} is there, but Level Zero finds no device",
        remedy="install libze1 and libze-intel-gpu1 of one channel (ZE_AFFINITY_MASK and "
        "ONEAPI_DEVICE_SELECTOR must not hide the card)",
        broken=True,
    )


def _built_for_xpu() -> bool:
    # Before torch 2.6, IPEX came with a PyTorch of its own that knows XPU devices once IPEX is imported.
    return torch.xpu._is_compiled() or (ipex_device_type() == "xpu" and load_ipex() is not None)


def _cpu() -> Availability:
    return _tried("cpu", 1, "reinstall PyTorch; if it stays, test the machine's memory")


def _not_built(device_type: DeviceType) -> Availability:
    name = device_type.upper()
    return Availability(
        device_type,
        reason=f"PyTorch {torch.__version__} is built without {name}",
        remedy=f"use a PyTorch that is built for {name}, see https://pytorch.org/get-started/locally",
    )


def _tried(device_type: DeviceType, count: int, remedy: str) -> Availability:
    index = min(local_rank() or 0, count - 1)
    device = torch.device("cpu") if device_type == "cpu" else torch.device(device_type, index)
    error = product_error(device)
    if error:
        return Availability(
            device_type, reason=f"{device} does not compute: {error}", remedy=remedy, broken=True
        )
    return Availability(device_type, count)
