"""Intel Extension for PyTorch (IPEX), where it is installed. Archived upstream since March 2026."""

from __future__ import annotations

import importlib
import logging
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

logger = logging.getLogger("xpudevice")


def ipex_version() -> str | None:
    """The installed version, such as 2.8.10+xpu, or None. Imports nothing."""
    try:
        return version("intel-extension-for-pytorch")
    except PackageNotFoundError:
        return None


def ipex_device_type() -> str | None:
    """The device type that the installed IPEX is built for: xpu, cpu, or None where there is no IPEX."""
    installed = ipex_version()
    if installed is None:
        return None
    return "xpu" if "+xpu" in installed else "cpu"


@lru_cache(maxsize=1)
def load_ipex() -> Any | None:
    """The module, or None where it cannot be imported, which is logged."""
    try:
        return importlib.import_module("intel_extension_for_pytorch")
    except Exception as error:  # its shared libraries fail in many ways
        logger.warning("Intel Extension for PyTorch %s cannot be imported: %s", ipex_version(), error)
        return None
