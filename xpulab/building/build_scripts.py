"""The shell that builds the lab's workbench images on the builder and asks the registry for them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from xpulab.shell.scripts import script, snippet

FOUND, MISSING = "found", "missing"


@dataclass(frozen=True)
class InRegistry:
    """An image that the registry has; `download_bytes` are its layers as they are pulled."""

    digest: str
    download_bytes: int


def ask(references: Iterable[str]) -> str:
    """One command that prints `found`, reference and manifest (base64), or `missing` and reference."""
    return script([snippet("ask_for_images"), *(f"ask {quote(each)}" for each in references)])


def answered(lines: Iterable[str]) -> dict[str, InRegistry]:
    """The images that `ask` found, by reference. Raises ValueError for an answer that is none."""
    found = {}
    for line in lines:
        word, _, rest = line.partition("\t")
        if word == FOUND:
            reference, encoded = rest.split("\t")
            found[reference] = _manifest(json.loads(base64.b64decode(encoded)))
    return found


def _manifest(answer: Any) -> InRegistry:
    """What `docker manifest inspect --verbose` says of an image of one platform; of an index it is a list."""
    if not isinstance(answer, dict):
        raise ValueError("it has an index of several platforms, and xpulab pushes single images")
    manifest = answer.get("SchemaV2Manifest") or answer["OCIManifest"]
    sizes = [manifest["config"]["size"], *(layer["size"] for layer in manifest["layers"])]
    return InRegistry(answer["Descriptor"]["digest"], sum(sizes))


def build(reference: str, revision: str) -> str:
    """Build an image from the context on standard input (base64), and push it; its size is the last line."""
    variables = [f"reference={quote(reference)}", f"revision={quote(revision)}"]
    return script([*variables, snippet("build_image")])


def measure(reference: str) -> str:
    """Print the unpacked size of an image that the registry has and this host's run did not build."""
    name = quote(reference)
    return script(
        [
            f"docker image inspect {name} >/dev/null 2>&1 || docker pull --quiet {name} >/dev/null",
            f"docker image inspect --format {quote('{{.Size}}')} {name}",
        ]
    )


def size(lines: Sequence[str]) -> int:
    """The size in bytes that `build` or `measure` printed last. Raises ValueError where there is none."""
    last = lines[-1].strip() if lines else ""
    if not re.fullmatch(r"\d+", last):
        raise ValueError(f"no size, but {last[:80]!r}")
    return int(last)
