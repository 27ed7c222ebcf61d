"""What every entry of the catalog has in common."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

DeviceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4}$")]
Version = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)*$")]
Url = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


@lru_cache(maxsize=4096)
def release(version: str) -> tuple[int, ...]:
    """A dotted version as numbers, to compare: `580.65.06` is (580, 65, 6)."""
    return tuple(int(part) for part in version.split("."))


class Record(BaseModel):
    """Part of an entry: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Entry(Record):
    """One entry of the catalog: where its facts come from, and when they were read."""

    source: Annotated[str, Field(min_length=8)]
    as_of: date
