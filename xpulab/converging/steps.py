"""What is done about a drift: differences -> shell scripts in a fixed order. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from shlex import quote
from typing import Any

from xpulab.converging.drift import Difference, Kind
from xpulab.desired.container_scripts import SWITCH_TIMEOUT_S, fetch, stage, switch
from xpulab.desired.image_scripts import PREFETCH, ask_registry, prefetch, pull
from xpulab.desired.manifest import AptRepository, Container, File, JsonSettings, Package, Unit
from xpulab.probing.observed import AptSource
from xpulab.resolving.target import Image, Refusal
from xpulab.shell.scripts import disable_source, script, snippet, write_file

SOFTWARE = (
    Kind.APT_KEY,
    Kind.APT_SOURCE,
    Kind.FOREIGN_SOURCE,
    Kind.EARLY_FILE,
    Kind.SETTINGS,
    Kind.BROKEN_PACKAGE,
    Kind.PACKAGE,
    Kind.ABSENT_PACKAGE,
    Kind.LATE_FILE,
    Kind.ABSENT_FILE,
    Kind.MEMBERSHIP,
)
PULL_TIMEOUT_S = 4 * 3600
IMAGE_REMEDY = "correct policy.torch, or the digest under images, in the inventory"
APT_CHANGES = frozenset(
    {Kind.APT_KEY, Kind.APT_SOURCE, Kind.PACKAGE, Kind.ABSENT_PACKAGE, Kind.BROKEN_PACKAGE}
)


@dataclass(frozen=True)
class FetchKeys:
    """Download apt keys on the host, accept the pinned ones, write them as keyrings."""

    repositories: tuple[AptRepository, ...]


@dataclass(frozen=True)
class Run:
    """Run a POSIX sh script as root; `timeout` in seconds, `stdin` what it reads.

    A failure's meaning is told by `on_failure`. A script with a `refusal` only asks: where it fails, the
    host is refused.
    """

    what: str
    script: str
    timeout: int = 120
    on_failure: str = ""
    refusal: Refusal | None = None
    stdin: str = ""


@dataclass(frozen=True)
class Reboot:
    """Boot the host anew because of `reason`, `delay_s` after the script has ended."""

    reason: str
    delay_s: int = 1

    @property
    def script(self) -> str:
        """The early boot image is made anew first: it may still carry the module that has to go.

        An image's pull under way is waited for, as a reboot would throw away what it has. systemd reboots,
        as a process of this script would not outlive a run on the host itself.
        """
        return script(
            [
                f"while systemctl is-active --quiet {PREFETCH}; do sleep 1; done",
                "if command -v update-initramfs >/dev/null; then update-initramfs -u; fi",
                f"systemd-run --quiet --collect --on-active={self.delay_s} "
                "--timer-property=AccuracySec=100ms systemctl reboot",
            ]
        )


Step = FetchKeys | Run | Reboot


def next_steps(drift: Sequence[Difference], lock_wait_s: int, daemon_json: str | None) -> tuple[Step, ...]:
    """The steps that lie ahead until the host has to be looked at again; empty for an empty drift.

    Software comes first, then the reboot if a kernel module asks for one, then modules, services, images
    and containers: what those need depends on what the packages and the boot have left behind.
    """
    if any(each.kind in SOFTWARE for each in drift):
        return _software(drift, lock_wait_s, daemon_json)
    reasons = [f"{each.name}: {each.found}" for each in drift if each.kind is Kind.REBOOT]
    if reasons:
        return (Reboot("; ".join(reasons)),)
    return _services(drift)


def _items(drift: Iterable[Difference], *kinds: Kind) -> list[Any]:
    return [each.item for each in drift if each.kind in kinds]


def _software(drift: Sequence[Difference], lock_wait_s: int, daemon_json: str | None) -> tuple[Step, ...]:
    steps: list[Step] = [_check_image(image) for image in _items(drift, Kind.IMAGE)]
    keys = _items(drift, Kind.APT_KEY)
    if keys:
        steps.append(FetchKeys(tuple(keys)))
    early: list[File] = _items(drift, Kind.APT_SOURCE, Kind.EARLY_FILE)
    early += _merged(_items(drift, Kind.SETTINGS), daemon_json)
    foreign: list[AptSource] = _items(drift, Kind.FOREIGN_SOURCE)
    if early or foreign:
        disabled = [disable_source(each.path, each.uri) for each in foreign]
        steps.append(Run("write files", script([*disabled, *map(write_file, early)])))
    if any(each.kind in APT_CHANGES for each in drift):
        steps.append(_apt(drift, lock_wait_s))
    late = [write_file(file) for file in _items(drift, Kind.LATE_FILE)]
    late += [f"rm -f {quote(each.name)}" for each in drift if each.kind is Kind.ABSENT_FILE]
    late += _memberships(_items(drift, Kind.MEMBERSHIP))
    if late:
        steps.append(Run("write files and group memberships", script(late)))
    return tuple(steps)


def _merged(settings: Sequence[JsonSettings], daemon_json: str | None) -> list[File]:
    files = []
    for path, group in groupby(settings, key=lambda each: each.path):
        content = json.loads(daemon_json) if daemon_json else {}
        for each in group:
            content = _merge(content, each.settings)
        files.append(File(path, json.dumps(content, indent=4) + "\n"))
    return files


def _merge(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(found)
    for key, value in wanted.items():
        here = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _merge(here if isinstance(here, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _apt(drift: Sequence[Difference], lock_wait_s: int) -> Run:
    packages: list[Package] = _items(drift, Kind.PACKAGE)
    wanted = [each.apt_argument for each in packages]
    unwanted = [f"{each.name}-" for each in drift if each.kind is Kind.ABSENT_PACKAGE]
    options = (
        f"-o DPkg::Lock::Timeout={lock_wait_s} "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
    )
    lines = [
        "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C",
        f"seconds={lock_wait_s}",
        snippet("wait_for_apt"),
        *(["dpkg --configure -a"] if any(d.kind is Kind.BROKEN_PACKAGE for d in drift) else []),
        *(prefetch(image) for image in _items(drift, Kind.IMAGE)),
        "apt-get -q update",
    ]
    if wanted or unwanted or any(d.kind is Kind.BROKEN_PACKAGE for d in drift):
        names = " ".join(map(quote, [*wanted, *unwanted]))
        lines.append(
            f"apt-get -q -y --fix-broken --no-install-recommends --allow-downgrades {options} install {names}"
        )
    words = f"apt: {len(wanted)} to install" + (f", {len(unwanted)} to remove" if unwanted else "")
    return Run(
        words,
        script(lines),
        timeout=lock_wait_s + 3600,
        on_failure="apt could not do it; its own words are above",
    )


def _memberships(pairs: Iterable[tuple[str, str]]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for user, group in pairs:
        groups.setdefault(user, []).append(group)
    missing = sorted({name for names in groups.values() for name in names})
    return [
        *(f"getent group {quote(name)} >/dev/null || groupadd --system {quote(name)}" for name in missing),
        *(f"usermod -aG {quote(','.join(names))} {quote(user)}" for user, names in groups.items()),
    ]


def _services(drift: Sequence[Difference]) -> tuple[Step, ...]:
    modules = sorted({each.name for each in drift if each.kind is Kind.MODULE})
    units: list[Unit] = _items(drift, Kind.UNIT)
    images: list[Image] = _items(drift, Kind.IMAGE)
    steps: list[Step] = []
    if modules:
        names = " ".join(modules)
        steps.append(Run(f"load {names}", script(f"modprobe {quote(name)}" for name in modules)))
    if units:
        names = " ".join(unit.name for unit in units)
        steps.append(Run(f"start {names}", script(line for unit in units for line in _start(unit)), 180))
    steps += [_pull(image) for image in images]
    steps += [step for each in _items(drift, Kind.CONTAINER) for step in _switch(each)]
    return tuple(steps)


def _start(unit: Unit) -> list[str]:
    name = quote(unit.name)
    return [
        f'[ "$(systemctl show -p NeedDaemonReload --value {name})" != yes ] || systemctl daemon-reload',
        *([] if unit.oneshot else [f"systemctl enable --quiet {name}"]),
        f"systemctl reset-failed {name} 2>/dev/null || true",
        f"systemctl restart {name}",
    ]


def _check_image(image: Image) -> Run:
    return Run(
        f"ask for {image.reference}",
        ask_registry(image),
        refusal=Refusal(f"its image {image.reference} does not exist", IMAGE_REMEDY),
    )


def _pull(image: Image) -> Run:
    return Run(
        f"pull {image.reference}",
        pull(image),
        timeout=PULL_TIMEOUT_S,
        on_failure=f"does the host reach the registry, and does the image exist? If not, {IMAGE_REMEDY}",
    )


def _switch(container: Container) -> tuple[Run, ...]:
    """Whatever can go wrong goes wrong before the container that runs is stopped, or brings it back."""
    return (
        Run(f"check what {container.name} needs", stage(container)),
        Run(
            f"pull {container.image.reference}",
            fetch(container.image),
            timeout=PULL_TIMEOUT_S,
            on_failure="the registry does not answer, or does not have the image",
        ),
        Run(f"switch {container.name}", switch(container), timeout=SWITCH_TIMEOUT_S),
    )
