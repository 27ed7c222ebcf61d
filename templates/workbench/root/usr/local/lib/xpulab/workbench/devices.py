"""Which accelerators this container was given, by device nodes and sysfs: importing torch takes seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

NVIDIA, INTEL = "0x10de", "0x8086"


def present(root: Path) -> tuple[str, ...]:
    """The devices of PyTorch that are there, best first, below a root that holds dev and sys."""
    found = [("cuda", _has_nvidia(root)), ("xpu", bool(_intel_nodes(root))), ("cpu", True)]
    return tuple(device for device, there in found if there)


def missing(device: str, root: Path) -> str:
    """What a container without a device lacks, and how it is started with one."""
    if device == "cuda":
        on_host = _on_pci(NVIDIA, root)
        return (
            "there is no NVIDIA device in this container (no /dev/nvidiactl with a /dev/nvidia0"
            f"{', though the host has one' if on_host else ''}): start it with --gpus all or "
            "--device nvidia.com/gpu=all, on a host with an NVIDIA GPU and its driver"
        )
    return (
        "there is no Intel GPU in this container (no /dev/dri/renderD* of Intel's"
        f"{', though the host has one' if _on_pci(INTEL, root) else ''}): start it with --device /dev/dri, "
        "on a host with an Intel GPU and its driver"
    )


def render_groups(root: Path) -> frozenset[int]:
    """The numeric groups that own render nodes: who is in one of them may use the GPU."""
    return frozenset(node.stat().st_gid for node in (root / "dev/dri").glob("renderD*"))


def _has_nvidia(root: Path) -> bool:
    nodes = [node.name for node in (root / "dev").glob("nvidia*")]
    return "nvidiactl" in nodes and any(re.fullmatch(r"nvidia\d+", name) for name in nodes)


def _intel_nodes(root: Path) -> list[Path]:
    """Render nodes of Intel's. One that sysfs keeps quiet about was handed in on purpose, and counts."""
    nodes = sorted((root / "dev/dri").glob("renderD*"))
    return [node for node in nodes if _vendor_of(node, root) in (INTEL, None)]


def _vendor_of(node: Path, root: Path) -> str | None:
    return _read(root / "sys/class/drm" / node.name / "device/vendor")


def _on_pci(vendor: str, root: Path) -> bool:
    functions = root / "sys/bus/pci/devices"
    return any(_display_vendor(each) == vendor for each in _children(functions))


def _display_vendor(function: Path) -> str | None:
    return _read(function / "vendor") if (_read(function / "class") or "").startswith("0x03") else None


def _children(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip().lower() or None
    except OSError:
        return None
