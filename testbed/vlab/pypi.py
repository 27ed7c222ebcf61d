"""Lay out what upstream serves as PyPI and PyTorch's index: real wheels, but for the builds for GPUs."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from vlab.command import run
from vlab.places import CACHE, ROOT, SOURCES, WWW
from vlab.steps import say

REQUIREMENTS = ROOT / "templates" / "workbench" / "requirements"
CATALOG = ROOT / "xpulab" / "catalog" / "workbench.yml"
# The images' stand-in system is Debian 12, whatever it is dressed as.
PYTHON = "3.11.2"
PLATFORM = "x86_64-manylinux_2_28"
TORCH = SOURCES / "torch"
EPOCH = (2026, 1, 1, 0, 0, 0)


def fill_pypi() -> None:
    """Fetch what the workbench images install, and lay it out as indexes that pip understands."""
    pypi = CACHE / "wheels"
    say("asking PyPI for what the workbench images install, and for PyTorch's CPU build")
    for pinned in sorted(REQUIREMENTS.glob("*.txt")):  # one by one: a package may stand in several of them
        _download(pypi, "--no-deps", "--require-hashes", f"--requirement={_for_images(pinned)}")
    torch = CACHE / "wheels-torch"
    wheels = yaml.safe_load(CATALOG.read_text())["wheels"]
    # The local part of the version keeps pip from taking a CUDA build of several GB from wherever it looks.
    _download(
        torch, "--no-deps", f"--index-url={wheels['cpu']['index']}", f"torch=={_torch(wheels['cpu'])}+cpu"
    )
    _lay_out(WWW / "pypi.org" / "simple", pypi.glob("*.whl"))
    for build, about in wheels.items():
        folder = WWW / about["index"].removeprefix("https://")
        if about["device"] != "cpu":
            stand_in = torch / f"torch-{_torch(about)}+{build}-py3-none-any.whl"
            _write_stand_in(stand_in, f"{_torch(about)}+{build}", about)
            _lay_out(folder, [stand_in])
        else:
            _lay_out(folder, torch.glob(f"torch-{_torch(about)}+{build}-*.whl"))


def _torch(wheels: dict[str, list[str]]) -> str:
    return wheels["releases"][0]


def _for_images(pinned: Path) -> Path:
    """The part of a list that the images' Python takes, which need not be the one that runs pip here."""
    part = CACHE / f"pypi-{pinned.name}"
    target = [f"--python-version={PYTHON}", f"--python-platform={PLATFORM}"]
    run(
        [
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--no-config",
            "--no-annotate",
            "--generate-hashes",
            *target,
            pinned,
            "-o",
            part,
        ]
    )
    return part


def _download(folder: Path, *what: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pip = [
        "uv",
        "tool",
        "run",
        "--quiet",
        "--python",
        PYTHON.rpartition(".")[0],
        "pip",
        "download",
        "--quiet",
    ]
    run([*pip, "--only-binary=:all:", f"--dest={folder}", *what])


def _lay_out(index: Path, wheels: Iterator[Path] | list[Path]) -> None:
    for wheel in wheels:
        project = re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()
        (index / project).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel, index / project / wheel.name)


def _write_stand_in(wheel: Path, version: str, about: dict[str, str]) -> None:
    """Write a wheel of the stand-in for torch, which counts devices and computes nothing."""
    folder = f"torch-{version}.dist-info"
    build = {"VERSION": version, "CUDA": about.get("cuda"), "XPU": None, "EXTENSION": None}
    if about["device"] == "xpu":
        build["XPU"] = "20260000"
    lines = "".join(f"{name} = {value!r}\n" for name, value in build.items())
    files = {
        str(path.relative_to(TORCH)): path.read_bytes() for path in sorted((TORCH / "torch").glob("*.py"))
    }
    files["torch/build.py"] = f'"""What this stand-in was built as."""\n\n{lines}'.encode()
    files[f"{folder}/METADATA"] = f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n".encode()
    files[f"{folder}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{folder}/RECORD"] = (
        "".join(f"{name},sha256={_record(data)},{len(data)}\n" for name, data in files.items()).encode()
        + f"{folder}/RECORD,,\n".encode()
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)


def _record(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
