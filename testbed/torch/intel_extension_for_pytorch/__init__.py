"""A stand-in for Intel Extension for PyTorch, for xpulab's virtual lab."""

from torch.build import EXTENSION

__version__ = EXTENSION
