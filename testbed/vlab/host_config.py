"""Write what makes a host itself: its PCI bus, firmware variables and keys, mounted at /etc/testbed."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from vlab.hosts import Function, Host
from vlab.places import CLIENT_KEY, HOST_CONFIGS

SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
EFI_ATTRIBUTES = 0x06  # read at boot and by the running system


def write_host_config(host: Host) -> None:
    """Write the folder that the host's container gets at /etc/testbed."""
    folder = HOST_CONFIGS / host.name
    shutil.rmtree(folder / "pci", ignore_errors=True)
    for function in host.pci:
        _write_function(folder / "pci" / function.slot, function)
    table = [_table_row(function) for function in host.pci if function.name]
    (folder / "gpus").write_text("".join(f"{row}\n" for row in table))
    (folder / "load").write_text("".join(f"{module}\n" for module in host.load))
    variable = folder / "efivars" / SECURE_BOOT
    variable.parent.mkdir(exist_ok=True)
    variable.write_bytes(struct.pack("<IB", EFI_ATTRIBUTES, host.secure_boot))
    shutil.copyfile(CLIENT_KEY.with_suffix(".pub"), folder / "authorized_keys")


# Bits of the regions by number, as lspci shows cards of these vendors, and an H100.
REGIONS = {"10de": {0: 32, 1: 64, 3: 64}, "10de:2330": {0: 64, 2: 64, 4: 64}, "8086": {0: 64, 2: 64}}


def _table_row(function: Function) -> str:
    fields = (function.slot, function.id, function.subsystem, function.name, function.compute_cap)
    return "|".join([*fields, str(function.memory_mib)])


def _write_function(folder: Path, function: Function) -> None:
    folder.mkdir(parents=True)
    vendor, device = (int(part, 16) for part in function.id.split(":"))
    subsystem_vendor, subsystem_device = (int(part, 16) for part in function.subsystem.split(":"))
    class_ = int(function.class_, 16)
    texts = {
        "vendor": f"0x{vendor:04x}",
        "device": f"0x{device:04x}",
        "class": f"0x{class_:06x}",
        "subsystem_vendor": f"0x{subsystem_vendor:04x}",
        "subsystem_device": f"0x{subsystem_device:04x}",
        "revision": "0xff" if function.fault == "off the bus" else "0x00",
        "irq": "0",
        "enable": "1",
        "numa_node": "-1",
        "resource": "\n".join(_regions(function)),
        "modalias": f"pci:v{vendor:08X}d{device:08X}sv{subsystem_vendor:08X}sd{subsystem_device:08X}"
        f"bc{class_ >> 16:02X}sc{class_ >> 8 & 0xFF:02X}i{class_ & 0xFF:02X}",
    }
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
    head = struct.pack("<HHHHB", vendor, device, 0x0006, 0x0010, 0x00) + class_.to_bytes(3, "little")
    config = head.ljust(0x2C, b"\0") + struct.pack("<HH", subsystem_vendor, subsystem_device)
    config = config.ljust(64, b"\0")
    (folder / "config").write_bytes(b"\xff" * 64 if function.fault == "off the bus" else config)
    if function.driver:
        (folder / "driver").symlink_to(f"../../../../bus/pci/drivers/{function.driver}")
        (folder / "uevent").write_text(f"DRIVER={function.driver}\nPCI_SLOT_NAME={function.slot}\n")


def _regions(function: Function) -> list[str]:
    """The 13 lines of `resource`: start, end and flags; one of 64 bits takes the place of the next, too."""
    lines = ["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * 13
    known = REGIONS.get(function.id) or REGIONS.get(function.id[:4], {0: 32})
    for number, bits in ({} if function.fault == "no memory" else known).items():
        start = 0x4000000000 + (number << 32)
        flags = 0x14220C if bits == 64 else 0x40200
        lines[number] = f"0x{start:016x} 0x{start + (256 << 20) - 1:016x} 0x{flags:016x}"
    return lines
