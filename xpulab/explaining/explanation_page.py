"""An explanation as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from xpulab.explaining.explanation import Explanation
from xpulab.probing.observed import Observed
from xpulab.resolving.reason import Reason
from xpulab.resolving.target import Refusal, Target


def show(explanation: Explanation, observed: Observed, console: Console) -> None:
    """Print what the host would get, with rule and source of each choice, or why it would be refused."""
    boot = ", Secure Boot on" if observed.secure_boot else ""
    ids = " ".join(function.pci_id for function in observed.pci) or "no accelerator"
    console.print(Text(f"{ids} on {observed.os}, kernel {observed.kernel or '(none)'}{boot}"), style="bold")
    console.print()
    console.print(Group(*_body(explanation)))


def _body(explanation: Explanation) -> Iterator[RenderableType]:
    answer = explanation.answer
    if isinstance(answer, Refusal):
        yield _table([("refused", Text(answer.reason, "red")), ("remedy", Text(answer.remedy))])
        return
    yield _table([("vendor", Text(" and ".join(answer.vendors))), *map(_row, dict.fromkeys(answer.reasons))])
    yield Text()
    yield _table(_software(explanation, answer))


def _software(explanation: Explanation, target: Target) -> list[tuple[str, Text]]:
    manifest = explanation.manifest
    repositories = [
        f"{each.name}: {each.uri} {each.suite} {' '.join(each.components)}".rstrip()
        for each in manifest.repositories
    ]
    return [
        ("repositories", Text("\n".join(repositories) or "the distribution's own alone")),
        ("packages", Text(" ".join(each.apt_argument for each in manifest.packages))),
        *(("note", Text(note)) for note in target.notes),
    ]


def _row(reason: Reason) -> tuple[str, Text]:
    body = Text(reason.answer, "green")
    return reason.choice, body.append(f"\n{reason.rule}", "default").append(f"\n{reason.source}", "dim")


def _table(rows: Sequence[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True, min_width=17)
    table.add_column(overflow="fold")
    for name, body in rows:
        table.add_row(name, body)
    return table
