"""`python -m xpudevice.check`, which torchrun can start: `torchrun ... -m xpudevice.check`."""

from __future__ import annotations

import sys

from xpudevice.check.command import main

if __name__ == "__main__":
    sys.exit(main())
