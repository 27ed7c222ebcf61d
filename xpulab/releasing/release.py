"""`xpulab release`: what hosts that converge themselves need, signed, as files for any web server."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, Optional

import typer

from xpulab.desired.lab import load_lab
from xpulab.desired.role import Role
from xpulab.inventory import lab_place, workbench_digests
from xpulab.inventory.labfile import Lab, LabError, read
from xpulab.laying_out.init import LAYOUT
from xpulab.pull.release_format import MOST_BYTES, NAMESPACE, Part, release_text
from xpulab.pull.settings import without_comment

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
FROM_LAYOUT = ("config.py", "deploys/pull.py")
NOT_PACKED = ("__pycache__", "tests")
NOT_FOR_HOSTS = (*NOT_PACKED, "laying_out", "releasing", "verify")
"""Folders of the package that a pull does without; below it, the other ones alone are left out."""
REQUIREMENTS = HERE / "requirements.txt"
"""What a pull imports, with the hashes of uv.lock: made by `python -m pages`."""
LAB_FOLDER = "inventories"
LAB_IN_TOOLKIT = f"{LAB_FOLDER}/lab.yml"
HOST_INVENTORY = f"{LAB_FOLDER}/pull.py"
PYTHONS = ("3.10", "3.11", "3.12")
"""Those of Ubuntu 22.04, Debian 12 and Ubuntu 24.04."""
PLATFORM = "x86_64-manylinux_2_28"
LEFT_OUT = (
    *("bin/*", ".lock", "*/tests/*", "*/testing/*", "*.pyc", "*.pyi", "*.pyx", "*.pxd"),
    *("*.c", "*.h", "*.cpp"),
)
XZ_PRESET: Final = 1  # a third of the time of 6 for a tenth more bytes


class ReleaseError(Exception):
    """A release that cannot be made; the message says what is wrong and what to do."""


def add_to(app: typer.Typer, roles: tuple[Role, ...]) -> None:
    """Add the command to the command line."""

    @app.command("release")
    def command(
        out: Annotated[Path, typer.Argument(help="the folder to write to, which a web server then serves")],
        sign: Annotated[Path, typer.Option(help="ssh private key to sign with (with an agent: its .pub)")],
        lab: Annotated[
            Optional[Path],  # noqa: UP045 - typer reads annotations at run time, on Python 3.10 too
            typer.Option(help="the lab file", show_default=f"$XPULAB_LAB, {' or '.join(lab_place.PLACES)}"),
        ] = None,
        pythons: Annotated[
            Optional[list[str]],  # noqa: UP045
            typer.Option("--python", help="only for hosts with this Python, such as 3.12"),
        ] = None,
    ) -> None:
        """Make a signed release for the hosts of a lab that converge themselves."""
        try:
            signer = _public_key(sign)
            file = lab or _lab_file()
            for host in _hosts_that_refuse(_readable(file, roles), signer, sign):
                typer.echo(
                    f"xpulab: {host} pulls, and will refuse this release: {sign} is not in its signers"
                )
            parts = write(out, sign, file, pythons or PYTHONS, datetime.now(timezone.utc))
        except ReleaseError as error:
            typer.echo(f"xpulab: {error}", err=True)
            raise typer.Exit(1) from error
        for each in parts:
            typer.echo(f"{each.part}: {each.file}, {each.size / 10**6:.1f} MB")
        typer.echo(f"xpulab: wrote {out}/release; publish the tarballs first, then release and release.sig")


def write(out: Path, key: Path, lab: Path, pythons: Sequence[str], made: datetime) -> tuple[Part, ...]:
    """Write a release's files into a folder; what lies there under other names stays. The parts written.

    The same toolkit and the same lab give the same tarballs, byte for byte.
    """
    out.mkdir(parents=True, exist_ok=True)
    parts = [_write_part(out, "toolkit", _toolkit(lab))]
    with TemporaryDirectory() as folder:
        for python in pythons:
            packages = Path(folder) / python
            _install(packages, python)
            parts.append(_write_part(out, f"python{python}", _contents(packages)))
    text = release_text(made, parts)
    if len(text) > MOST_BYTES:
        raise ReleaseError(f"a host reads no more than {MOST_BYTES} bytes of a release: name fewer --python")
    release = out / "release"
    release.write_text(text)
    release.with_suffix(".sig").unlink(missing_ok=True)
    _run("ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(release))
    return tuple(parts)


def _lab_file() -> Path:
    found = lab_place.file(Path())
    if found is None:
        raise ReleaseError(f"there is no {' or '.join(lab_place.PLACES)} here: name the lab's file by --lab")
    return found


def _readable(lab: Path, roles: tuple[Role, ...]) -> Lab:
    try:
        loaded = load_lab(lab, roles)
    except LabError as error:
        raise ReleaseError(str(error)) from error
    for refused in loaded.refused.values():
        raise ReleaseError(f"{refused.reason}: {refused.remedy}, then make the release")
    return loaded


def _public_key(key: Path) -> str:
    public = key if key.suffix == ".pub" else key.with_name(key.name + ".pub")
    if not key.is_file():
        raise ReleaseError(f"there is no key {key}: make one with ssh-keygen -t ed25519 -f {key}")
    text = public.read_text() if public.is_file() else _run("ssh-keygen", "-y", "-f", str(key))
    return without_comment(text)


def _hosts_that_refuse(lab: Lab, signer: str, key: Path) -> list[str]:
    """The hosts that pull and do not know the signer. Raises ReleaseError when no host does."""
    signers: dict[str, Sequence[str]] = {
        name: data["pull"]["signers"] for name, data in lab.hosts if data.get("pull")
    }
    if not signers:
        raise ReleaseError("no host of the lab pulls: give them pull with url and signers (docs/pull.md)")
    others = [name for name, known in signers.items() if signer not in known]
    if len(others) == len(signers):
        raise ReleaseError(f"no host would take this release: put the public key of {key} under pull.signers")
    return others


def _toolkit(lab: Path) -> Iterator[tuple[str, Path]]:
    yield from ((name, LAYOUT / name) for name in FROM_LAYOUT)
    yield HOST_INVENTORY, HERE / "host_inventory.py"
    yield "LICENSE", _license()
    yield from _package()
    yield LAB_IN_TOOLKIT, lab
    yield from _beside(lab)


def _beside(lab: Path) -> Iterator[tuple[str, Path]]:
    """What belongs to a lab file: the digests of its workbench images, and the lab's own roles."""
    digests = workbench_digests.beside(lab)
    if digests.is_file():
        yield f"{LAB_FOLDER}/{workbench_digests.NAME}", digests
    roles = read(lab).roles
    for path in roles.rglob("*"):
        inside = path.relative_to(roles)
        if path.is_file() and "__pycache__" not in inside.parts:
            yield f"{LAB_FOLDER}/roles/{inside.as_posix()}", path


def _package() -> Iterator[tuple[str, Path]]:
    """The package with what it finds through links, such as the roles."""
    for folder, inner, names in os.walk(PACKAGE, followlinks=True):
        left_out = NOT_FOR_HOSTS if Path(folder) == PACKAGE else NOT_PACKED
        inner[:] = [each for each in inner if each not in left_out and not each.startswith(".")]
        for name in names:
            path = Path(folder, name)
            yield path.relative_to(PACKAGE.parent).as_posix(), path


def _license() -> Path:
    return next(Path(each.locate()) for each in distribution("xpulab").files or () if each.name == "LICENSE")


def _install(folder: Path, python: str) -> None:
    """Put the packages for hosts with this Python into a folder, each with its hash in the requirements."""
    _run(
        *("uv", "pip", "install", "--quiet", "--target", str(folder), "--link-mode", "copy"),
        *("--python-version", python, "--python-platform", PLATFORM, "--only-binary", ":all:"),
        *("--no-deps", "--require-hashes", "--requirements", str(REQUIREMENTS)),
    )


def _contents(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(fnmatch(name, pattern) for pattern in LEFT_OUT):
            yield name, path


def _write_part(out: Path, part: str, files: Iterator[tuple[str, Path]]) -> Part:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=XZ_PRESET) as tarball:
        for name, path in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as source:
                tarball.addfile(entry, source)
    content = packed.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    file = f"{part}-{sha256[:12]}.tar.xz"
    (out / file).write_bytes(content)
    return Part(part, file, len(content), sha256)


def _run(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise ReleaseError(f"{argv[0]} is not installed, and a release is made with it") from error
    if done.returncode != 0:
        raise ReleaseError(f"{' '.join(argv[:3])} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout
