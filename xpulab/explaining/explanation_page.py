"""An explanation as a page for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from xpulab.desired.kinds.apt_repository import AptRepository
from xpulab.desired.kinds.package import Package
from xpulab.explaining.explanation import Explanation
from xpulab.probing.observed import Observed
from xpulab.resolving.target import Target
from xpulab.schema.refusal import Refusal

MARGIN = 19  # columns that the names of the choices take


@dataclass(frozen=True)
class _Line:
    """A line of the page: the choice it begins, if it does, and what it says of it."""

    name: str
    text: str
    style: str = ""


def show(explanation: Explanation, subject: str, observed: Observed, console: Console) -> None:
    """Print what the host would get, with rule and source of each choice, or why it would be refused.

    `subject` names the host. Lines are wrapped for a terminal alone: whatever reads a pipe or a file wants
    them whole.
    """
    width = console.width if console.file.isatty() else None
    boot = ", Secure Boot on" if observed.secure_boot else ""
    title = f"{subject} on {observed.os}, kernel {observed.kernel or '(none)'}{boot}"
    console.print(Text(title, "bold"), soft_wrap=True)
    console.print()
    for line in _body(explanation):
        _print(line, width, console)


def wrap(line: str, width: int) -> list[str]:
    """A line of the page in lines of `width` at most, as far as its words let it: no word or URL is cut."""
    name, text = line[:MARGIN], line[MARGIN:]
    broken = textwrap.wrap(
        text,
        width,
        initial_indent=name,
        subsequent_indent=" " * MARGIN,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return broken or [line]


def _print(line: _Line, width: int | None, console: Console) -> None:
    whole = f"{line.name:{MARGIN}}{line.text}".rstrip()
    for number, text in enumerate(wrap(whole, width) if width else [whole]):
        name = line.name if number == 0 else ""
        console.print(Text.assemble((name, "bold"), (text[len(name) :], line.style)), soft_wrap=True)


def _body(explanation: Explanation) -> Iterator[_Line]:
    answer = explanation.answer
    if isinstance(answer, Refusal):
        yield _Line("refused", answer.reason, "red")
        yield _Line("remedy", answer.remedy)
        return
    yield _Line("vendor", " and ".join(answer.vendors))
    for reason in dict.fromkeys(answer.reasons):
        yield _Line(reason.choice, reason.answer, "green")
        yield _Line("", reason.rule)
        yield _Line("", reason.source, "dim")
    yield _Line("", "")
    yield from _software(explanation, answer)


def _software(explanation: Explanation, target: Target) -> Iterator[_Line]:
    manifest = explanation.manifest
    repositories = [
        f"{each.name}: {each.uri} {each.suite} {' '.join(each.components)}".rstrip()
        for each in manifest.of(AptRepository)
    ] or ["the distribution's own alone"]
    yield from map(_Line, ["repositories", *[""] * (len(repositories) - 1)], repositories)
    yield _Line("packages", " ".join(each.apt_argument for each in manifest.of(Package)))
    yield from (_Line("note", note) for note in target.notes)
