"""From the probe's tab-separated records to an Observed."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from xpulab.probing.observed import (
    AptLock,
    AptSource,
    FoundContainer,
    FoundFile,
    FoundGroup,
    FoundImage,
    FoundUnit,
    InstalledPackage,
    KernelModule,
    Observed,
    PciFunction,
)

FIRST, LAST = "xpulab-probe\t2", "end"


class ProbeError(Exception):
    """The probe's answer is not one; the message says what came instead."""


def parse(lines: Iterable[str]) -> Observed:
    """The host that the records describe.

    Anything before the first record (a login banner) is passed over. Raises ProbeError for an answer
    that is cut off or garbled: half an answer would make missing things look absent.
    """
    records: dict[str, list[list[str]]] = defaultdict(list)
    answer = _between_first_and_last(list(lines))
    for line in answer:
        kind, *fields = line.split("\t")
        records[kind].append(fields)
    try:
        return _observed(records)
    except (ValueError, TypeError, IndexError) as error:
        raise ProbeError(f"its probe answered with a garbled record ({error})") from error


def _between_first_and_last(lines: list[str]) -> list[str]:
    if FIRST not in lines:
        seen = next((line for line in lines if line.strip()), "nothing")
        raise ProbeError(f"its probe did not answer as one: {seen[:120]!r}")
    if lines[-1] != LAST:
        raise ProbeError(f"its probe was cut off after {lines[-1][:120]!r}")
    return lines[lines.index(FIRST) + 1 : -1]


def _observed(records: dict[str, list[list[str]]]) -> Observed:
    (os_id, os_version), (architecture, kernel, boot_id) = records["os"][0], records["machine"][0]
    return Observed(
        os_id=os_id,
        os_version=os_version,
        architecture=architecture,
        kernel=kernel,
        boot_id=boot_id,
        secure_boot=["1"] in records["secure-boot"],
        pci=_each(records["pci"], _pci_function),
        modules={fields[0]: _kernel_module(*fields) for fields in records["module"]},
        packages=_packages(records["packages"][0][0]),
        files={fields[0]: _found_file(*fields[1:]) for fields in records["file"]},
        apt_sources=_each(records["apt-source"], AptSource),
        apt_lock=next((AptLock(path, int(pid), name) for path, pid, name in records["apt-lock"]), None),
        units={_unescaped(fields[0]): _found_unit(*fields[1:]) for fields in records["unit"]},
        groups={name: _group(gid, members) for name, gid, members in records["group"]},
        users=frozenset(name for (name,) in records["user"]),
        contents={path: _text(encoded) for path, encoded in records["content"]},
        facts={name: _text(encoded) for name, encoded in records["fact"]},
        snap_docker=bool(records["snap-docker"]),
        images=_each(records["image"], _image),
        containers={fields[0]: FoundContainer(*fields[1:]) for fields in records["container"]},
        engine_free_bytes=int(records["engine-free"][0][0]) * 1024,
    )


def _text(encoded: str) -> str:
    return base64.b64decode(encoded, validate=True).decode(errors="replace")


def _each(rows: list[list[str]], make: Callable[..., Any]) -> tuple[Any, ...]:
    return tuple(make(*fields) for fields in rows)


def _pci_function(address: str, vendor: str, device: str, pci_class: str) -> PciFunction:
    hexadecimal = [text.removeprefix("0x").lower() for text in (vendor, device, pci_class)]
    if any(int(text, 16) < 0 for text in hexadecimal):
        raise ValueError(f"PCI function {address}")
    return PciFunction(address, *hexadecimal)


def _kernel_module(name: str, loaded: str, *facts: str) -> KernelModule:
    loaded_version, loaded_src, disk_version, disk_src, disk_license = (fact or None for fact in facts)
    return KernelModule(
        name, loaded == "yes", loaded_version, loaded_src, disk_version, disk_src, disk_license
    )


def _packages(text: str) -> dict[str, InstalledPackage]:
    """dpkg-query's `name=version=status;` items; one that left only its configuration is not there."""
    packages = {}
    for item in filter(None, text.split(";")):
        name, version, status = item.split("=", 2)
        if status[1:2] not in ("n", "c"):
            packages[name] = InstalledPackage(version, status[1:] == "i ", status[0] == "h")
    return packages


def _found_file(sha256: str, mode: str, owner: str, modified: str, size: str) -> FoundFile:
    return FoundFile(sha256, mode.zfill(4), owner, float(modified), int(size))


def _unescaped(unit: str) -> str:
    """A unit's name as it is: systemctl prints the backslash of an escaped path as \\x5c."""
    return unit.replace(r"\x5c", "\\")


def _found_unit(load: str, active: str, enabled: str, since: str) -> FoundUnit:
    active_since = None
    if since and active == "active":
        moment = datetime.strptime(since, "%a %Y-%m-%d %H:%M:%S.%f UTC")
        active_since = moment.replace(tzinfo=timezone.utc).timestamp()
    return FoundUnit(load == "loaded", active, enabled, active_since)


def _group(gid: str, members: str) -> FoundGroup:
    return FoundGroup(int(gid), frozenset(filter(None, members.split(","))))


def _image(repository: str, tag: str, digest: str) -> FoundImage:
    return FoundImage(repository, *(None if text == "<none>" else text for text in (tag, digest)))
