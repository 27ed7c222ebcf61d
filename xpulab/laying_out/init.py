"""`xpulab init`: a folder for one lab, with all that a run of xpulab needs but the toolkit itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xpulab.inventory import lab_place

LAYOUT = Path(__file__).parent / "lab"
NAMED_OTHERWISE = {"gitignore": ".gitignore"}
"""Files that would already act in the toolkit's own checkout under the name that a lab needs."""


@dataclass(frozen=True)
class LaidOut:
    """What `lay_out` wrote, and what it left as it was."""

    written: tuple[Path, ...]
    left: tuple[Path, ...]


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command("init")
    def command(
        folder: Annotated[Path, typer.Argument(help="made where it is not there")] = Path(),
    ) -> None:
        """Lay out the repository of a lab: inventory, deploys, a place for roles. Overwrites nothing."""
        try:
            laid_out = lay_out(folder)
        except OSError as error:
            typer.echo(f"xpulab: {error.filename or folder}: {error.strerror}: name another folder", err=True)
            raise typer.Exit(1) from error
        for each in laid_out.written:
            typer.echo(f"wrote {each}")
        for each in laid_out.left:
            typer.echo(f"left {each}, which was there")
        typer.echo(_next_steps(folder))


def lay_out(folder: Path) -> LaidOut:
    """Write every file of a lab that is not there yet. Raises OSError."""
    written, left = [], []
    lab = lab_place.inside(folder)
    for name, source in files():
        target = folder / name
        if name == lab_place.PLACES[0] and lab:
            left.append(lab)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as opened:
                opened.write(source.read_bytes())
        except FileExistsError:
            left.append(target)
        else:
            written.append(target)
    return LaidOut(tuple(written), tuple(left))


def files() -> Iterator[tuple[str, Path]]:
    """Every file of a new lab: its path there, and the file that it is a copy of."""
    yield from sorted(_below(LAYOUT))


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    # Not rglob, which does not go through the links of a checkout.
    for path in folder.iterdir():
        if path.is_dir():
            if path.name != "__pycache__":
                yield from _below(path)
        else:
            name = path.relative_to(LAYOUT).as_posix()
            yield NAMED_OTHERWISE.get(name, name), path


def _next_steps(folder: Path) -> str:
    lab = lab_place.inside(folder) or folder / lab_place.PLACES[0]
    enter = [] if folder == Path() else [f"    cd {folder}"]
    return "\n".join(
        [
            f"xpulab: describe your hosts in {lab}, then",
            *enter,
            "    pyinfra -y inventory.py deploys/survey.py    what each host would get: changes nothing",
            "    pyinfra inventory.py deploys/xpu.py          do it",
            "    xpulab verify                                look at the result from outside",
        ]
    )
