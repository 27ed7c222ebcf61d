"""Layers, as far as other libraries name them when they are imported; none of them computes."""


class Module:
    """What a model is made of."""


class Linear(Module):
    """A layer."""


class Conv2d(Module):
    """A layer."""
