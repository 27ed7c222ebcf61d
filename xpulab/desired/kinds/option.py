"""Options in configuration files that belong to somebody else: one line of `key = value`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from typing_extensions import override

from xpulab.desired.kinds.file import FILES
from xpulab.desired.thing import Difference, NewText, Phase, Shell, Thing
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched


@dataclass(frozen=True)
class Option(Thing):
    """An option that must not have another value, where the file sets it at all: the default is wanted."""

    path: str
    key: str
    value: str

    kind: ClassVar[str] = "option"

    @property
    @override
    def claim(self) -> str:
        """File and key."""
        return f"{self.path} {self.key}"

    @override
    def differences(self, observed: Observed) -> Iterator[Difference]:
        """The file sets it otherwise."""
        text = observed.contents.get(self.path, "")
        line = re.compile(rf"^([ \t]*{re.escape(self.key)}[ \t]*=[ \t]*)([^\s#]+)", re.MULTILINE)
        found = next((each[2] for each in line.finditer(text) if each[2] != self.value), None)
        if found is None:
            return
        expression = (
            rf"s/^\([[:blank:]]*{self.key}[[:blank:]]*=[[:blank:]]*\)[^[:space:]#]\{{1,\}}/\1{self.value}/"
        )
        mend = Shell(
            Phase.FILES, FILES, (f"sed -i --follow-symlinks {quote(expression)} {quote(self.path)}",)
        )
        after = NewText(self.path, line.sub(rf"\g<1>{self.value}", text))
        yield Difference(self.kind, self.claim, found, self.value, mend, (after,))

    @override
    def unwatched(self, watched: Watched) -> Iterable[str]:
        return () if self.path in watched.contents else (f"the content of {self.path}",)
