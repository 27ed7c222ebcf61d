"""ResNet-50 with random weights: He et al., Deep Residual Learning for Image Recognition, 2015, Table 1.

The stride lies in the 3x3 convolution, as in torchvision (ResNet v1.5): 25,557,032 parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EXPANSION = 4
# width and number of blocks of each stage
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        """`channels` come in, four times `width` go out."""
        super().__init__()
        out = width * EXPANSION
        self.residual = nn.Sequential(
            *_convolution(channels, width, 1),
            nn.ReLU(inplace=True),
            *_convolution(width, width, 3, stride),
            nn.ReLU(inplace=True),
            *_convolution(width, out, 1),
        )
        reshaped = stride != 1 or channels != out
        self.shortcut = nn.Sequential(*_convolution(channels, out, 1, stride)) if reshaped else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        return torch.relu(self.residual(x) + self.shortcut(x))


def resnet50(classes: int = 1000) -> nn.Sequential:
    """The network, from 224x224 images to class scores."""
    layers: list[nn.Module] = [*_convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, (width, blocks) in enumerate(STAGES):
        for block in range(blocks):
            layers.append(Bottleneck(channels, width, stride=2 if stage and not block else 1))
            channels = width * EXPANSION
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def _convolution(channels: int, out: int, kernel: int, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    return nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out)
