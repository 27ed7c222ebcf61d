"""What `optimize` gives back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import torch

logger = logging.getLogger("xpudevice")


@dataclass(frozen=True)
class Optimized:
    """A model made ready: what was done to it, what was not and why, and what that costs in accuracy.

    `error` is the relative error of its answers on the samples, against the model as it came; None where
    there were no samples. `optimizer` is the one to step when training; None for inference.
    """

    model: torch.nn.Module
    done: tuple[str, ...]
    not_done: tuple[str, ...]
    error: float | None = None
    optimizer: torch.optim.Optimizer | None = None


@dataclass
class Steps:
    """The account of one `optimize`, kept while it goes on; what is not done is also logged."""

    done: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)

    def did(self, what: str) -> None:
        """Note a step that was taken."""
        self.done.append(what)

    def left_out(self, what: str) -> None:
        """Note, and log, a step that was not taken, with its reason."""
        self.not_done.append(what)
        logger.warning("not optimized with %s", what)
