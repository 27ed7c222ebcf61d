"""Every NVIDIA display device of pci.ids is of the family that its codename says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sample_hosts import host
from xpulab.inventory.settings import HostSettings
from xpulab.resolving.accelerators import classify
from xpulab.resolving.resolve import resolve
from xpulab.resolving.vendors import load_catalog as load
from xpulab.schema.refusal import Refusal

PLACES = (Path("/usr/share/misc/pci.ids"), Path("/usr/share/hwdata/pci.ids"))
FAMILIES = {
    "GF": "fermi-and-older",
    "GK": "kepler",
    "GM": "maxwell",
    "GP": "pascal",
    "GV": "volta",
    "TU": "turing",
    "GA": "ampere",
    "AD": "ada",
    "GH": "hopper",
    "GB": "blackwell",
}
REFUSED = ("fermi-and-older", "kepler")
CODENAME = re.compile(r"(G[FKMPVAHB]|TU|AD)\d{2,3}[A-Z]*\b")
# pci.ids has no classes: other functions of a card are told by their names.
OTHER_FUNCTION = re.compile(r"audio|usb|ucsi|switch|bridge|nvlink|i2c|memory controller", re.IGNORECASE)
OUTSIDE = {"2b00"}  # Thor, the GPU of a Jetson: a family of its own, refused


def pci_ids() -> Path:
    found = next((place for place in PLACES if place.exists()), None)
    if found is None:
        pytest.fail(f"none of {', '.join(map(str, PLACES))} is there: apt install pci.ids, or hwdata")
    return found


def nvidia_gpus(text: str) -> Iterator[tuple[str, str, str]]:
    """Device id, codename's letters and name of each NVIDIA device with a codename that is a GPU."""
    section = re.search(r"^10de .*\n((?:[\t#].*\n)*)", text, re.MULTILINE)
    for line in section[1].splitlines() if section else ():
        device = re.match(r"\t([0-9a-f]{4})  (.*)", line)
        codename = device and CODENAME.match(device[2])
        if device and codename and not OTHER_FUNCTION.search(device[2]):
            yield device[1], codename[1], device[2]


def test_every_nvidia_gpu_of_pci_ids_is_of_the_family_its_codename_says() -> None:
    text = pci_ids().read_text(encoding="utf-8", errors="replace")
    version = re.search(r"Version: (\S+)", text)
    counts: Counter[str] = Counter()
    wrong = []
    for device, letters, name in nvidia_gpus(text):
        if device in OUTSIDE:
            continue
        wanted = FAMILIES[letters]
        observed = host(f"10de:{device}")
        devices = classify(observed.pci, load())
        counts[wanted] += 1
        if wanted in REFUSED:
            right = bool(devices.unusable) and isinstance(resolve(observed, HostSettings(), load()), Refusal)
        else:
            right = [gpu.family for gpu in devices.usable.get("nvidia", ())] == [wanted]
        if not right:
            wrong.append(f"{device} {name}: wanted {wanted}")
    print(f"pci.ids {version[1] if version else '?'}: {dict(counts)}, {sum(counts.values())} in all")
    assert not wrong, "\n".join(wrong)
    assert set(counts) >= set(FAMILIES.values()) - {"blackwell"}  # files before 2025 end at Hopper
    assert sum(counts.values()) > 600


# First and last ids and one in the middle of what pci.ids 2026.08.22 lists for the families that older
# files do not know.
@pytest.mark.parametrize(
    "device",
    [
        "2900",
        "29f1",
        "2b85",
        "2c02",
        "2d04",
        "2df9",
        "2e03",
        "2e12",
        "2e2a",
        "2f04",
        "2f58",
        "3180",
        "3182",
        "31c2",
        "323e",
    ],
)
def test_blackwell_ids_that_an_older_file_does_not_list(device: str) -> None:
    (gpu,) = classify(host(f"10de:{device}").pci, load()).usable["nvidia"]
    assert gpu.family == "blackwell"
