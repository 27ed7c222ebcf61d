"""What each rank runs that xpu-check starts on this host: `python -m xpudevice.check.ranks FILE`.

Rank 0 writes the outcomes of all ranks to FILE, as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch.distributed as dist

from xpudevice.check.collectives import collective_outcomes, control_group, gathered
from xpudevice.device import get_device


def main(file: Path) -> None:
    """Check the collectives from this rank."""
    with control_group():
        outcomes = gathered(collective_outcomes(get_device()))
        if dist.get_rank() == 0:
            file.write_text(json.dumps([asdict(each) for each in outcomes]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
