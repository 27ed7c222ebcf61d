"""What a host is, asked once with one command before any check is chosen for it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from .record import PATH, Record, parse

DISPLAY, PROCESSING = "03", "12"

QUESTION = f"""
echo "user=$(id -un)"
if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then echo root=yes; fi
if [ -r {PATH} ]; then echo "record=$(base64 -w 0 {PATH})"; fi
for function in /sys/bus/pci/devices/*; do
    [ -r "$function/class" ] || continue
    read -r vendor < "$function/vendor"
    read -r device < "$function/device"
    read -r class < "$function/class"
    echo "pci=${{function##*/}} $vendor $device $class"
done
"""


@dataclass(frozen=True)
class PciFunction:
    """One PCI function; ids are hex digits without 0x."""

    address: str
    vendor: str
    device: str
    pci_class: str

    @property
    def pci_id(self) -> str:
        """Vendor and device, such as `10de:2204`."""
        return f"{self.vendor}:{self.device}"


@dataclass(frozen=True)
class Survey:
    """One host's answer; with a `problem` there is no record and nothing further can be checked."""

    user: str = ""
    pci: tuple[PciFunction, ...] = ()
    record: Record | None = None
    problem: str | None = None

    def accelerators_of(self, vendor: str) -> tuple[PciFunction, ...]:
        """Display controllers and processing accelerators of a PCI vendor."""
        return tuple(
            each for each in self.pci if each.vendor == vendor and each.pci_class[:2] in (DISPLAY, PROCESSING)
        )


def read_answer(answer: str) -> Survey:
    """The host's answer to QUESTION, with the problem in words when it cannot be verified."""
    pairs = [line.split("=", 1) for line in answer.splitlines() if "=" in line]
    user = next((value for key, value in pairs if key == "user"), "")
    pci = tuple(
        PciFunction(address, *(number.removeprefix("0x") for number in numbers))
        for key, value in pairs
        if key == "pci"
        for address, *numbers in [value.split()]
    )
    if ["root", "yes"] not in pairs:
        return Survey(user, pci, problem=f"{user} may not use sudo without a password; allow it in sudoers")
    encoded = next((value for key, value in pairs if key == "record"), None)
    if encoded is None:
        return Survey(user, pci, problem=_NO_RECORD)
    try:
        return Survey(user, pci, parse(base64.b64decode(encoded).decode()))
    except (ValueError, binascii.Error) as error:
        return Survey(user, pci, problem=f"{error}; run the main job again")


_NO_RECORD = (
    f"{PATH} is missing or not readable: run the main job first (pyinfra INVENTORY deploys/xpu.py); "
    "leave out a host that it refused with --exclude NAME, or choose the others with --limit PATTERN"
)
