"""Do all ranks together compute the same as one? Runs in every rank."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from time import perf_counter

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from xpudevice.check.correctness import SEED, TOLERANCES
from xpudevice.check.outcome import Comparison, Outcome, guarded
from xpudevice.device import DeviceError
from xpudevice.distributed import distributed_backend

TIMEOUT = timedelta(minutes=2)
# Ranks wait here for the slowest to be through with the checks of its own device.
CONTROL_TIMEOUT = timedelta(minutes=10)
LARGE = 4 * 2**20
SIZES = (1, 1000, LARGE)
NETWORK = (
    "let the ranks reach each other: name the interface with GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME, open "
    "the firewall between the hosts, look at the log with NCCL_DEBUG=INFO or CCL_LOG_LEVEL=info"
)
COMPUTES_WRONG = (
    "take the host out of use; compare with NCCL_P2P_DISABLE=1 set (an IOMMU breaks peer access between "
    "cards), and look at the log with NCCL_DEBUG=INFO or CCL_LOG_LEVEL=info"
)


def under_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """This process's number among all that torchrun started; 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def control_group() -> Iterator[None]:
    """Join all ranks by gloo, which works whatever the devices are; raises where they cannot meet."""
    dist.init_process_group("gloo", timeout=CONTROL_TIMEOUT)
    try:
        yield
    finally:
        dist.destroy_process_group()


def exchange(ours: str) -> list[str]:
    """Every rank's text, in the order of the ranks; all ranks must call it.

    torch.distributed.all_gather_object would do, but it needs NumPy.
    """
    world, text = dist.get_world_size(), ours.encode()
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(world)]
    dist.all_gather(sizes, torch.tensor([len(text)]))
    longest = max(int(size) for size in sizes)
    padded = [torch.zeros(longest, dtype=torch.uint8) for _ in range(world)]
    dist.all_gather(padded, torch.tensor([*text.ljust(longest)], dtype=torch.uint8))
    return [bytes(each[: int(size)].tolist()).decode() for each, size in zip(padded, sizes, strict=True)]


def gathered(outcomes: list[Outcome]) -> list[Outcome]:
    """Every rank's outcomes, each with rank and host in `where`, in the order of the ranks."""
    name = f"rank {dist.get_rank()} on {socket.gethostname()}"
    ours = [asdict(replace(each, where=f"{name}, {each.where}")) for each in outcomes]
    return [Outcome(**each) for theirs in exchange(json.dumps(ours)) for each in json.loads(theirs)]


def collective_outcomes(device: torch.device) -> list[Outcome]:
    """An all-reduce and a DistributedDataParallel step over the devices of all ranks.

    The control group must be there. Ranks whose devices are of different types share no backend: that is one
    failed outcome on each rank.
    """
    types = exchange(device.type)
    if len(set(types)) > 1:
        listed = ", ".join(f"rank {index}: {each}" for index, each in enumerate(types))
        return [
            Outcome(
                "all-reduce",
                str(device),
                "failed",
                f"the ranks compute on different devices ({listed})",
                "set XPULAB_DEVICE to the same on every host, or leave the odd hosts out",
            )
        ]
    where = str(device)
    try:
        group = _group(device)
    except DeviceError as error:
        return [Outcome("all-reduce", where, "failed", error.reason, error.remedy)]
    return [
        guarded("all-reduce", where, NETWORK, lambda: _all_reduce(where, device, group)),
        guarded("DDP step", where, NETWORK, lambda: _ddp_step(where, device, group)),
    ]


def _group(device: torch.device) -> dist.ProcessGroup:
    backend = distributed_backend(device)
    if device.type != "cpu":
        getattr(torch, device.type).set_device(device)
    group: dist.ProcessGroup = dist.new_group(backend=backend, timeout=TIMEOUT)
    return group


def _all_reduce(where: str, device: torch.device, group: dist.ProcessGroup) -> Outcome:
    """Sum a different tensor of each rank; whole numbers, so that every element has one right value."""
    world = dist.get_world_size()
    wrong = []
    # A rank that finds an error goes on: the others would wait for it.
    for size in SIZES:
        steps = torch.arange(size, device=device).remainder(100).float()
        tensor = steps + dist.get_rank()
        started = perf_counter()
        dist.all_reduce(tensor, group=group)
        found = tensor.cpu()
        took = perf_counter() - started
        expected = steps.cpu() * world + world * (world - 1) / 2
        if count := int((found != expected).sum()):
            wrong.append(f"{count} of {size}")
    if wrong:
        detail = f"{', '.join(wrong)} elements of the sum over {world} ranks are wrong"
        return Outcome("all-reduce", where, "failed", detail, COMPUTES_WRONG)
    backend = dist.get_backend(group)
    detail = f"{backend}, {world} ranks, {LARGE * 4 // 2**20} MiB in {took * 1000:.0f} ms"
    return Outcome("all-reduce", where, "passed", detail)


def _ddp_step(where: str, device: torch.device, group: dist.ProcessGroup) -> Outcome:
    """Every rank takes its part of a batch; the averaged gradient must be that of the whole batch."""
    world, each = dist.get_world_size(), 8
    generator = torch.Generator().manual_seed(SEED)
    inputs = torch.randn(world * each, 64, generator=generator)
    targets = torch.randn(world * each, 8, generator=generator)
    part = slice(dist.get_rank() * each, (dist.get_rank() + 1) * each)

    model = _mlp().to(device)
    parallel = DistributedDataParallel(model, process_group=group)
    _backward(parallel(inputs[part].to(device)), targets[part].to(device))

    whole = _mlp().double()
    _backward(whole(inputs.double()), targets.double())
    worst = max(
        float((ours.grad.cpu().double() - reference.grad).norm() / reference.grad.norm())
        for ours, reference in zip(model.parameters(), whole.parameters(), strict=True)
        if ours.grad is not None and reference.grad is not None
    )
    return Comparison(worst, TOLERANCES[torch.float32].training).outcome("DDP step", where, NETWORK)


def _backward(outputs: Tensor, targets: Tensor) -> None:
    nn.functional.mse_loss(outputs, targets).backward()  # type: ignore[no-untyped-call]


def _mlp() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 8))
