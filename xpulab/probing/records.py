"""From the probe's tab-separated records to an Observed."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
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

MEMORY_OF_64_BITS = 0x00100000
NO_SUBSYSTEM = "0000:0000"
FIRST, LAST = "xpulab-probe\t3", "end"


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
        container_of=next((name for (name,) in records["container-of"]), None),
        pci=_pci_functions(records["pci"], records["display"]),
        modules={fields[0]: _kernel_module(*fields) for fields in records["module"]},
        packages=_packages(records["packages"][0][0]),
        origins=_origins(records["origin"]),
        files={fields[0]: _found_file(*fields[1:]) for fields in records["file"]},
        apt_sources=_each(records["apt-source"], AptSource),
        apt_lock=next((AptLock(path, int(pid), name) for path, pid, name in records["apt-lock"]), None),
        units={_unescaped(fields[0]): _found_unit(*fields[1:]) for fields in records["unit"]},
        groups={name: _group(gid, members) for name, gid, members in records["group"]},
        users=dict(_pairs(records["user"])),
        contents={path: _text(encoded) for path, encoded in records["content"]},
        facts={name: _text(encoded) for name, encoded in records["fact"]},
        snap_docker=bool(records["snap-docker"]),
        images=_each(records["image"], _image),
        containers={fields[0]: FoundContainer(*fields[1:]) for fields in records["container"]},
        engine_free_bytes=int(records["engine-free"][0][0]) * 1024,
        engine_root=records["engine-free"][0][1],
    )


def _text(encoded: str) -> str:
    return base64.b64decode(encoded, validate=True).decode(errors="replace")


def _each(rows: list[list[str]], make: Callable[..., Any]) -> tuple[Any, ...]:
    return tuple(make(*fields) for fields in rows)


def _pci_functions(functions: list[list[str]], displays: list[list[str]]) -> tuple[PciFunction, ...]:
    more = {address: fields for address, *fields in displays}
    return tuple(_pci_function(*fields, *more.get(fields[0], ())) for fields in functions)


def _pci_function(address: str, vendor: str, device: str, pci_class: str, *more: str) -> PciFunction:
    function = PciFunction(address, _hexadecimal(vendor), _hexadecimal(device), _hexadecimal(pci_class))
    if not more:
        return function
    maker, board, driver, node, answers, virtual, regions = more
    subsystem = ":".join(map(_hexadecimal, (maker, board))) if maker and board else ""
    return replace(
        function,
        subsystem="" if subsystem == NO_SUBSYSTEM else subsystem,
        driver=driver or None,
        render_node=node == "yes",
        answers=answers == "yes",
        virtual=virtual == "yes",
        region_bytes=_region_bytes(regions.split()),
    )


def _hexadecimal(text: str) -> str:
    digits = text.removeprefix("0x").lower()
    if int(digits, 16) < 0:
        raise ValueError(f"{text!r} in a PCI function")
    return digits


def _region_bytes(regions: list[str]) -> tuple[int, ...]:
    """The size of each region, nought for one without a place on the bus; one of 64 bits fills two lines.

    Source: include/linux/ioport.h (IORESOURCE_MEM_64) as of 2026-11-27; an H100's begin in lines 0, 2 and 4.
    """
    sizes, upper_half = [], False
    for region in regions:
        start, end, flags = (int(text, 16) for text in region.split("-"))
        if not upper_half:
            sizes.append(end - start + 1 if start else 0)
        upper_half = not upper_half and bool(flags & MEMORY_OF_64_BITS)
    return tuple(sizes)


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


def _pairs(rows: list[list[str]]) -> list[tuple[str, str]]:
    return [(first, second) for first, second in rows]


def _origins(rows: list[list[str]]) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for name, uri, suite in rows:
        found[name] = (*found.get(name, ()), (uri, suite))
    return found


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
