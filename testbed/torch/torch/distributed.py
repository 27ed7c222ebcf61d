"""Nothing is sent between processes here: like a PyTorch that was built without it."""


def is_available() -> bool:
    """Whether processes can be joined."""
    return False
