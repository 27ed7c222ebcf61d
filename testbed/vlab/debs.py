"""Build the debs of the stand-in packages."""

from __future__ import annotations

import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vlab.command import TestbedError, run
from vlab.packages import Package, load_packages
from vlab.repositories import pool
from vlab.systems import description

MAINTAINER = "xpulab testbed <testbed@xpulab.invalid>"


def build_debs(archive: Path) -> None:
    """Build every stand-in into its pools; `archive` holds the real debs that some are made of."""
    epoch = str(description()["epoch"])
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda package: _build(package, archive, epoch), load_packages()))


def _build(package: Package, archive: Path, epoch: str) -> None:
    with tempfile.TemporaryDirectory(prefix="xpulab-deb-") as scratch:
        tree = Path(scratch) / "tree"
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        tree.chmod(0o755)
        for name in package.repack:
            _unpack(archive, name, tree)
        for target, text in package.files.items():
            _write(tree / target.lstrip("/"), text)
        for target, source in package.links.items():
            link = tree / target.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
        for script, text in package.scripts.items():
            _write(control / script, text)
            (control / script).chmod(0o755)
        (control / "control").write_text(_control(package))
        deb = Path(scratch) / package.filename
        run(
            ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, deb],
            env={"SOURCE_DATE_EPOCH": epoch},
        )
        for suite in package.suites or [""]:
            folder = pool(package.repository, suite, package.component)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(deb, folder / package.filename)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755 if text.startswith("#!") else 0o644)


def _control(package: Package) -> str:
    fields = {
        "Package": package.name,
        "Version": package.version,
        "Architecture": package.architecture,
        "Maintainer": MAINTAINER,
        "Section": "misc",
        "Priority": "optional",
        **package.relations,
        "Description": f"xpulab testbed stand-in for {package.summary}\n"
        " This is not the vendor's package. It has its name, version and relations,\n"
        " and answers from made-up hardware.",
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items())


def _unpack(archive: Path, name: str, tree: Path) -> None:
    """Lay the files and maintainer scripts of a real deb into `tree`."""
    found = sorted(archive.glob(f"{name}_*.deb"))
    if not found:
        raise TestbedError(f"{archive} holds no {name}, which a stand-in is made of; see testbed/systems.yml")
    run(["dpkg-deb", "--extract", found[-1], tree])
    with tempfile.TemporaryDirectory(prefix="xpulab-control-") as control:
        run(["dpkg-deb", "--control", found[-1], control])
        for script in ("preinst", "postinst", "prerm", "postrm"):
            part, whole = Path(control) / script, tree / "DEBIAN" / script
            if part.is_file():
                before = whole.read_text().rstrip() if whole.is_file() else "#!/bin/sh\nset -e"
                whole.write_text(f"{before}\n{re.sub(r'^#!.*', '', part.read_text())}\n")
                whole.chmod(0o755)
