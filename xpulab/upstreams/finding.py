"""What a rule found: one thing that was looked up, and what would mend the catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar

from xpulab.upstreams.editing import Edit
from xpulab.upstreams.web import NoAnswer

State = Literal["rotten", "warning", "unchecked", "skipped", "sound"]
Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked up.

    `rotten` is what the catalog says and a server contradicts; `warning` what will be, or what only a person
    can judge; `unchecked` what a server did not tell, `skipped` what it was not to be asked. `edits` are
    what would mend it, where that needs no judgement.
    """

    kind: str
    name: str
    state: State
    detail: str
    edits: tuple[Edit, ...] = ()

    @classmethod
    def without(cls, answer: NoAnswer, kind: str, name: str) -> Finding:
        """What is to be said where a server did not give what the rule needs."""
        return cls(kind, name, answer.state, str(answer))

    @property
    def rotten(self) -> bool:
        """Whether a server contradicts the catalog."""
        return self.state == "rotten"


def fetched(
    fetch: Callable[Arguments, Answer], *args: Arguments.args, **more: Arguments.kwargs
) -> Answer | NoAnswer:
    """What a fetch gives, be it the reason why there is nothing: rules judge either."""
    try:
        return fetch(*args, **more)
    except NoAnswer as reason:
        return reason
