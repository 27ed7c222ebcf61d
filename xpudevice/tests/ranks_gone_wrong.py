"""Ranks with something wrong, which GONE_WRONG names: what xpu-check starts in its tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from xpudevice.check import ranks

RANK = int(os.environ["RANK"])
GONE_WRONG = os.environ["GONE_WRONG"]
all_reduce = dist.all_reduce


def sum_off_by_one(tensor: torch.Tensor, **arguments: Any) -> None:
    all_reduce(tensor, **arguments)
    if RANK == 1:
        tensor[-1] += 1


if GONE_WRONG == "sum" and RANK == 1:
    dist.all_reduce = sum_off_by_one
elif GONE_WRONG == "lost" and RANK == 1:
    sys.exit("Error: this rank is lost")
elif GONE_WRONG == "device" and RANK == 1:
    ranks.get_device = lambda: torch.device("xpu")

ranks.main(Path(sys.argv[1]))
