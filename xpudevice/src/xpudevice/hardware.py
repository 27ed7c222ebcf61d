"""What Linux says of the hardware, without PyTorch: device nodes, the CPU and its memory.

`root` is the file system to look at.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

INTEL = "0x8086"
ROOT = Path("/")


def nvidia_nodes(root: Path = ROOT) -> list[Path]:
    """The device nodes of NVIDIA GPUs."""
    return sorted((root / "dev").glob("nvidia[0-9]*"))


def intel_render_nodes(root: Path = ROOT) -> list[Path]:
    """The render nodes of Intel GPUs, and of no other vendor's."""
    return [
        node
        for node in sorted((root / "dev/dri").glob("renderD*"))
        if _first_line(root / "sys/class/drm" / node.name / "device/vendor") == INTEL
    ]


def may_open(node: Path) -> bool:
    """Whether this process may read and write a device node."""
    return os.access(node, os.R_OK | os.W_OK)


def cpu_name(root: Path = ROOT) -> str:
    """The CPU's name as Linux gives it, else its architecture."""
    found = re.search(r"^model name\s*:\s*(.+)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def cpu_flags(root: Path = ROOT) -> frozenset[str]:
    """The instruction sets of the CPU; Linux calls them flags on x86 and Features on Arm."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def memory_total(root: Path = ROOT) -> int:
    """Bytes of memory this process may use: the machine's, or its control group's limit."""
    return min(_meminfo("MemTotal", root), _limit(root))


def memory_available(root: Path = ROOT) -> int:
    """Bytes of memory that can be had now without swapping, or 0 where Linux does not say."""
    used = int(_first_line(root / "sys/fs/cgroup/memory.current") or 0)
    return max(0, min(_meminfo("MemAvailable", root), _limit(root) - used))


def memory_resident() -> int:
    """Bytes of memory that this process holds."""
    return int(_first_line(Path("/proc/self/statm")).split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _limit(root: Path) -> int:
    limit = _first_line(root / "sys/fs/cgroup/memory.max")
    return int(limit) if limit.isdigit() else _meminfo("MemTotal", root)


def _meminfo(key: str, root: Path) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _first_line(file: Path) -> str:
    return _text(file).partition("\n")[0].strip()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
