from __future__ import annotations

import pytest

from xpudevice import availability, compilation, ipex


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test sees the environment and the hardware as a new process does."""
    for name in ("XPULAB_DEVICE", "LOCAL_RANK", "RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    availability.availability.cache_clear()
    ipex.load_ipex.cache_clear()
    compilation.compile_error.cache_clear()
