"""What this process computes on, in one record."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import torch

from xpudevice.availability import DEVICE_TYPES, Availability, DeviceType, availability
from xpudevice.device import OVERRIDE, DeviceError, choose, get_device, override
from xpudevice.distributed import distributed_backend
from xpudevice.fallback import left_to_cpu, summary
from xpudevice.hardware import cpu_name, memory_total
from xpudevice.precision import bfloat16, onednn_available

GIB = 2**30


@dataclass(frozen=True)
class Description:
    """The device of this process and the PyTorch that drives it; memory is in bytes, per device.

    `not_chosen` says of each other type of device why it is not used. `fallback` says what an XPU device
    leaves to the CPU, `left_to_cpu` names the operators. `str()` gives it as a table.
    """

    device: str
    name: str
    count: int
    memory: int
    torch: str
    build: str
    bf16: bool
    bf16_reason: str
    backend: str
    onednn: str
    threads: int
    fallback: str = ""
    left_to_cpu: tuple[str, ...] = ()
    not_chosen: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One aligned line for each thing worth knowing."""
        times = f"{self.count} × " if self.count > 1 else ""
        rows = {
            "device": f"{self.device}: {times}{self.name}, {self.memory / GIB:.1f} GiB",
            "torch": f"{self.torch} ({self.build}), {self.threads} threads",
            "bf16": f"{'yes' if self.bf16 else 'no'}: {self.bf16_reason}",
            "oneDNN": self.onednn or "no",
            "distributed": self.backend,
            **({"left to CPU": self.fallback} if self.fallback else {}),
        } | {f"not {device}": reason for device, reason in self.not_chosen.items()}
        return "\n".join(f"{key:<12} {value}" for key, value in rows.items())


def describe() -> Description:
    """Describe the device that `get_device` gives; raises DeviceError as that does."""
    device = get_device()
    chosen = choose()
    bf16 = bfloat16(device)
    try:
        backend = distributed_backend(device)
    except DeviceError as error:
        backend = f"none: {error.reason}"
    return Description(
        device=str(device),
        name=device_name(device),
        count=chosen.count,
        memory=device_memory(device),
        torch=torch.__version__,
        build=build(),
        bf16=bf16.native,
        bf16_reason=bf16.reason,
        backend=backend,
        onednn=onednn_version(),
        threads=torch.get_num_threads(),
        fallback=summary() if chosen.type == "xpu" else "",
        left_to_cpu=left_to_cpu() if chosen.type == "xpu" else (),
        not_chosen={each: _why_not(each, chosen) for each in DEVICE_TYPES if each != chosen.type},
    )


def device_name(device: torch.device) -> str:
    """What the driver, or for the CPU Linux, calls a device."""
    return cpu_name() if device.type == "cpu" else str(_module(device).get_device_name(device))


def device_memory(device: torch.device) -> int:
    """Bytes of memory of a device; for the CPU, what this process may use."""
    if device.type == "cpu":
        return memory_total()
    return int(_module(device).get_device_properties(device).total_memory)


def build() -> str:
    """What this PyTorch is built for."""
    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    return "XPU" if torch.xpu._is_compiled() else "CPU"


def onednn_version() -> str:
    """The version of oneDNN in this PyTorch; empty where there is none."""
    if not onednn_available():
        return ""
    found = re.search(r"(?:oneDNN|MKL-DNN) v([\d.]+)", torch.__config__.show())
    return found[1] if found else "yes, of unknown version"


def _module(device: torch.device) -> Any:
    return getattr(torch, device.type)


def _why_not(device_type: DeviceType, chosen: Availability) -> str:
    found = availability(device_type)
    if not found.works:
        return found.reason
    if override():
        return f"works, but {OVERRIDE}={chosen.type}"
    return f"works, but {chosen.type} comes first"
