"""The tables of docs/workbench-images.md from the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from xpulab.catalog import Catalog
from xpulab.desired.role import sections
from xpulab.explaining import hypothetical
from xpulab.inventory.settings import HostSettings, with_sections
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import written_catalog
from xpulab.roles import BUILT_IN
from xpulab.schema.refusal import Refusal
from xpulab.workbench.image import HERE
from xpulab.workbench.recipe import Recipe, recipe_for
from xpulab.workbench.settings import Workbench

PAGE = Path(__file__).resolve().parent.parent / "docs" / "workbench-images.md"
FIRST, LAST = (
    "<!-- tables: made by `python -m pages` from the catalog -->",
    "<!-- end of tables -->",
)
# A host of each kind that gets an image of its own: card, system, kernel, and the inventory's policy.
HOSTS = {
    "NVIDIA, Turing and later": ("10de:2204", "ubuntu-24.04", None, {}),
    "NVIDIA Maxwell, Pascal, Volta": ("10de:1b06", "ubuntu-22.04", None, {}),
    "Arc on Ubuntu 22.04": ("8086:56a0", "ubuntu-22.04", "6.8.0-87-generic", {}),
    "Arc on Ubuntu 24.04 or 26.04, Debian 12 or 13": ("8086:56a0", "ubuntu-24.04", None, {}),
    "Data Center GPU Max on Ubuntu 22.04": ("8086:0bda", "ubuntu-22.04", None, {}),
    "Data Center GPU Max on Ubuntu 24.04": ("8086:0bda", "ubuntu-24.04", None, {}),
    "Data Center GPU Max, `torch: 2.8`": ("8086:0bda", "ubuntu-22.04", None, {"torch": "2.8"}),
    "Arc A or B, `torch: 2.8`": ("8086:56a0", "ubuntu-24.04", None, {"torch": "2.8"}),
    "Data Center GPU Flex": ("8086:56c0", "ubuntu-22.04", None, {}),
    "no accelerator": ("", "ubuntu-24.04", None, {}),
    "any of these but the next two, `image: unified`": ("10de:2204", "ubuntu-24.04", None, {}),
    "NVIDIA Maxwell, Pascal, Volta, `image: unified`": ("10de:1b06", "ubuntu-24.04", None, {}),
    "Data Center GPU Max, `image: unified`": ("8086:0bda", "ubuntu-22.04", None, {}),
}
COLUMNS = "| host | family | base | PyTorch | Level Zero, OpenCL |\n|---|---|---|---|---|"
PROGRAMS = ("jupyterlab", "jupyter-server", "ipykernel", "numpy", "torchao", "pip")


def tables(known: Catalog) -> str:
    """Both tables: what each kind of host gets, and the versions of what comes from PyPI."""
    return "\n".join([COLUMNS, *_images(known), "", *_versions()])


def page(text: str) -> str:
    """The page with the tables between its two marks as they are today."""
    before, _, rest = text.partition(FIRST)
    return f"{before}{FIRST}\n{tables(written_catalog())}\n{LAST}{rest.partition(LAST)[2]}"


def _images(known: Catalog) -> Iterator[str]:
    for title, (pci_id, system, kernel, policy) in HOSTS.items():
        image = "unified" if "unified" in title else "auto"
        yield f"| {title} | {_cells(_recipe(pci_id, system, kernel, policy, image, known))} |"


def _recipe(
    pci_id: str, system: str, kernel: str | None, policy: dict[str, str], image: str, known: Catalog
) -> Recipe:
    workbench = Workbench.model_construct(registry="registry.lab.test", image=image)
    model = with_sections(HostSettings, sections(BUILT_IN))
    settings = model.model_validate({"policy": policy}).model_copy(update={"workbench": workbench})
    observed = hypothetical.host([pci_id] if pci_id else [], system, kernel, False, known)
    target = resolve(observed, settings, known)
    recipe = target if isinstance(target, Refusal) else recipe_for(target, settings, known)
    if isinstance(recipe, Refusal):
        raise ValueError(f"{pci_id} on {system}: {recipe.reason}")
    return recipe


def _cells(recipe: Recipe) -> str:
    torch = ", ".join(
        f"{each.torch} ({each.device}{'' if each.index else ', of the base'})" for each in recipe.environments
    )
    source = recipe.level_zero
    level_zero = f"{', '.join(source.packages)} of `{source.suite}` ({_host(source.uri)})" if source else "–"
    if recipe.family == "xpu" and source is None:
        level_zero = "of the base"
    return f"{recipe.family} | `{recipe.base}` | {torch} | {level_zero}"


def _host(uri: str) -> str:
    return uri.removeprefix("https://").partition("/")[0]


def _versions() -> Iterator[str]:
    """What the lists pin, for each Python that a base image may have."""
    pins = (HERE / "requirements/jupyter.txt").read_text() + (HERE / "requirements/torch.txt").read_text()
    yield "| from PyPI, pinned with hashes | version, by the Python of the base |\n|---|---|"
    for name in PROGRAMS:
        found = dict.fromkeys(re.findall(rf"^{name}==(\S+?)(?: ; (.*?))? \\$", pins, re.M))
        yield f"| {name} | {', '.join(_worded(*each) for each in found)} |"


def _worded(version: str, marker: str) -> str:
    """A version and the Pythons it is for, as the lists' markers say."""
    words = marker.replace("python_full_version", "Python").replace("'", "")
    return f"{version} ({words})" if words else version
