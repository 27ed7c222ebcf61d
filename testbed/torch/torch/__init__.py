"""A stand-in for PyTorch in xpulab's virtual lab: sees a container's accelerators, computes nothing."""

from torch import cuda, xpu
from torch.build import CUDA, VERSION, XPU

__version__ = VERSION


class version:
    """What the build was made for."""

    cuda = CUDA
    xpu = XPU
    hip = None


__all__ = ["__version__", "cuda", "version", "xpu"]
