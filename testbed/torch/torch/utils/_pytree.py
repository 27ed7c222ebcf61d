"""Functions over nested containers, which have no tensors here."""


def tree_leaves(tree: object) -> list[object]:
    """Nothing that this stand-in could know of."""
    raise NotImplementedError("the virtual lab's PyTorch computes nothing")


def tree_map(function: object, tree: object) -> object:
    """Nothing that this stand-in could do."""
    raise NotImplementedError("the virtual lab's PyTorch computes nothing")
