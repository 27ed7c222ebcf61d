"""Models that take their caller's tensors and answer in their caller's precision, whatever theirs is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from xpudevice.compilation import frozen_weights


class ForInference(nn.Module):
    """A model with the tensors it is fed in its own precision and layout, and without gradients."""

    def __init__(
        self, model: nn.Module, feed: Callable[[Tensor], Tensor], answers: torch.dtype, *, frozen: bool
    ) -> None:
        """`feed` makes a floating-point input the model's; answers come as `answers`."""
        super().__init__()
        self.model = model
        self.feed = feed
        self.answers = answers
        self.frozen = frozen
        self.training = False

    def train(self, mode: bool = True) -> ForInference:
        """Nothing: it stays in evaluation mode, and a graph in 8 bits knows no other."""
        return self

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """One evaluation of the model."""
        # In one mode, whatever the caller's: what is compiled for one is compiled anew for the other.
        frozen = frozen_weights() if self.frozen else nullcontext()
        with torch.inference_mode(False), torch.no_grad(), frozen:
            arguments, named = map_floats(self.feed, (arguments, named))
            return map_floats(lambda answer: answer.to(self.answers), self.model(*arguments, **named))


class ForTraining(nn.Module):
    """A model under autocast, whose weights and answers stay in their own precision."""

    def __init__(
        self, model: nn.Module, dtype: torch.dtype, answers: torch.dtype, device: torch.device
    ) -> None:
        """`dtype` is the precision of products and convolutions."""
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.answers = answers
        self.device_type = device.type

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """One forward pass; the loss is the caller's, in full precision."""
        with torch.autocast(self.device_type, dtype=self.dtype, enabled=self.dtype != self.answers):
            output = self.model(*arguments, **named)
        return map_floats(lambda answer: answer.to(self.answers), output)


def map_floats(change: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """The same nest of tensors with every floating-point one changed."""

    def changed(leaf: Any) -> Any:
        return change(leaf) if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    return tree_map(changed, tree)


def feeding(
    dtype: torch.dtype | None, *, channels_last: bool, copied: bool = False
) -> Callable[[Tensor], Tensor]:
    """Makes an input the model's: its precision, channels_last for images, and if asked always a copy."""

    def feed(tensor: Tensor) -> Tensor:
        images = channels_last and tensor.dim() == 4
        layout = torch.channels_last if images else torch.preserve_format
        return tensor.to(dtype=dtype or tensor.dtype, memory_format=layout, copy=copied)

    return feed
