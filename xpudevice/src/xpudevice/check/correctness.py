"""Does a device compute what the CPU computes in double precision?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xpudevice.check.outcome import Comparison

SEED = 20
ROUNDS = 5


@dataclass(frozen=True)
class Tolerance:
    """The relative errors that rounding explains in one precision, with room for another order of adding."""

    product: float
    training: float


# A product of numbers without cancellation is off by little more than the rounding of its result: half of
# 2^-7 in bfloat16, twice that where partial sums are rounded too. A result that is off by 1 % exceeds both.
TOLERANCES = {
    torch.float32: Tolerance(product=1e-5, training=1e-4),
    torch.bfloat16: Tolerance(product=8e-3, training=4e-2),
}


def compare_product(device: torch.device, dtype: torch.dtype) -> Comparison:
    """The worst element of several matrix products on a device, against the CPU in double precision."""
    generator = torch.Generator().manual_seed(SEED)
    left = _signed(_uniform(generator, 512, 384), generator).to(dtype)
    right = _signed(_uniform(generator, 320, 384), generator).T.to(dtype)
    expected = _product_by_elements(left.double(), right.double())
    worst = 0.0
    with _full_precision():
        for _ in range(ROUNDS):
            found = torch.matmul(left.to(device), right.to(device)).cpu().double()
            worst = _worse(worst, float(((found - expected).abs() / expected.abs()).max()))
    return Comparison(worst, TOLERANCES[dtype].product)


def compare_training(device: torch.device, dtype: torch.dtype) -> Comparison:
    """One training step of a small network on a device, against the CPU in double precision.

    The worst of its loss, its gradients and its new weights counts. Weights stay in float32; bfloat16 comes
    by autocast, as it does in training.
    """
    expected = _training_step(torch.device("cpu"), torch.float64, autocast=False)
    with _full_precision():
        found = _training_step(device, torch.float32, autocast=dtype == torch.bfloat16)
    worst = 0.0
    for ours, reference in zip(found, expected, strict=True):
        worst = _worse(worst, float((ours - reference).norm() / reference.norm()))
    return Comparison(worst, TOLERANCES[dtype].training)


def small_network() -> nn.Sequential:
    """A network with the layers that most are made of, and the same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.GELU(),
            nn.AvgPool2d(4),
            nn.Flatten(),
            nn.Linear(256, 64),
            nn.LayerNorm(64),
            nn.GELU(),
            nn.Linear(64, 10),
        )


def _training_step(device: torch.device, dtype: torch.dtype, autocast: bool) -> list[Tensor]:
    """The loss, the gradients and the weights after one step, on the CPU in double precision."""
    network = small_network().to(device=device, dtype=dtype)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(SEED)
    images = torch.randn(32, 3, 16, 16, generator=generator).to(device=device, dtype=dtype)
    labels = torch.randint(10, (32,), generator=generator).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        loss = nn.functional.cross_entropy(network(images), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [each.grad for each in network.parameters() if each.grad is not None]
    optimizer.step()
    return [each.detach().cpu().double() for each in (loss, *gradients, *network.parameters())]


def _product_by_elements(left: Tensor, right: Tensor) -> Tensor:
    """A matrix product from nothing but multiplication and sum: what is checked shares no code with it."""
    return torch.cat([(rows.unsqueeze(2) * right).sum(1) for rows in torch.split(left, 64)])


def _uniform(generator: torch.Generator, rows: int, columns: int) -> Tensor:
    return torch.rand(rows, columns, generator=generator) + 0.5


def _signed(matrix: Tensor, generator: torch.Generator) -> Tensor:
    """The same with a sign for each row, so that products have both signs and still no cancellation."""
    return matrix * (torch.randint(2, (len(matrix), 1), generator=generator) * 2 - 1)


def _worse(worst: float, error: float) -> float:
    return error if error != error else max(worst, error)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep NVIDIA's TensorFloat-32, and its likes, out of float32: it would not pass for float32 here."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
