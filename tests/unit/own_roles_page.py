"""docs/own-roles.md as files and commands: what follows the page does so word for word."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "own-roles.md"
FOLDER = "~/physics"
"""Where the page has its lab."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+) -->\n)?^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.M | re.S
)


def blocks() -> list[tuple[str, str, str]]:
    """Every code block: the mark before it, its language, its text."""
    found = _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
    return [(each["mark"] or "", each["language"], each["text"]) for each in found]


def block(mark: str) -> str:
    """The one block with this mark."""
    (text,) = (text for found, _, text in blocks() if found == mark)
    return text


def write_lab(folder: Path, *unwanted: str) -> Path:
    """Write the page's files into a lab's folder, but for the `unwanted`; the lab file's path."""
    for mark, _, text in blocks():
        kind, _, name = mark.partition(": ")
        if kind == "file" and name not in unwanted:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder / "lab.yml"


def commands(mark: str, folder: Path) -> str:
    """The commands of a block, as sh, for a lab in this folder."""
    return block(mark).replace(FOLDER, str(folder))
