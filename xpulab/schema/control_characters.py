"""Characters that act on the terminal that shows them: of control, and those that turn text round."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def replaced(text: str) -> str:
    """The text with a `?` for each of them; line ends and tabs stay."""
    return _CONTROL.sub("?", text)
