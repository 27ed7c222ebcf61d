"""Workbench images of sample hosts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from tests.unit import sample_hosts
from tests.unit.sample_hosts import host, resolved
from xpulab.probing.observed import Observed
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import load_catalog
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import WorkbenchImage, image_of

CATALOG = load_catalog()


def public_key() -> str:
    """A whole ed25519 key that nobody has the other half of."""
    fields = (b"ssh-ed25519", bytes(32))
    encoded = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return f"ssh-ed25519 {base64.b64encode(encoded).decode()} anna"


WORKBENCH = {"registry": "registry.lab.test", "users": {"anna": [public_key()]}}


def answer(observed: Observed, *, image: str = "auto", **settings: Any) -> WorkbenchImage | Refusal:
    """What a host gets, with the rest of its settings."""
    said = sample_hosts.said(workbench={**WORKBENCH, "image": image}, **settings)
    return image_of(resolved(resolve(observed, said, CATALOG)), said, CATALOG)


def made(observed: Observed, **settings: Any) -> WorkbenchImage:
    """The image a host gets."""
    image = answer(observed, **settings)
    assert isinstance(image, WorkbenchImage), image
    return image


def dockerfile(image: WorkbenchImage) -> str:
    """What its Dockerfile says."""
    return image.context["Dockerfile"].decode()


def of_cpu(**settings: Any) -> WorkbenchImage:
    """The image of a host without an accelerator."""
    return made(host(), **settings)


def changed(context: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same context with another JupyterLab."""
    return {**context, "requirements/jupyter.txt": b"jupyterlab==1.0"}
