"""A stand-in for PyTorch in xpulab's virtual lab: sees a container's accelerators, computes nothing."""

from torch import cuda, nn, xpu
from torch.build import CUDA, VERSION, XPU

__version__ = VERSION


bfloat16, float16, float32 = "torch.bfloat16", "torch.float16", "torch.float32"


class Tensor:
    """What models compute with: there are none here."""


class version:
    """What the build was made for."""

    cuda = CUDA
    xpu = XPU
    hip = None


__all__ = ["Tensor", "__version__", "bfloat16", "cuda", "float16", "float32", "nn", "version", "xpu"]
