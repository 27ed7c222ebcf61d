"""xpulab as a lab owner has it: the built wheel, installed by uv as a tool, and no checkout in sight."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAKES = ("__init__", "fake_lab", "converged_answer", "probe_answers", "sample_hosts")
CHECKOUTS_OWN = ("PYTHON", "VIRTUAL_ENV", "UV_PROJECT", "XPULAB_", "COVERAGE")


class Finished:
    """A finished command."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.everything = f"{done.stdout}\n{done.stderr}"
        self.last_line = (done.stdout.splitlines() or [done.stderr])[-1]


def uv(*arguments: str | Path, **environment: str) -> str:
    """What uv says to this, run in the checkout."""
    done = subprocess.run(
        ["uv", *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(out: Path, *kinds: str) -> Path:
    """The wheel that the locked build backend makes; with no kinds, by way of a source distribution."""
    uv("build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, *kinds)
    (wheel,) = out.glob("*.whl")
    return wheel


class Installed:
    """The commands of an installed wheel, in an environment that knows nothing else of xpulab."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        """Install it, with what it needs at the versions of uv.lock."""
        self.bin, self.folder = folder / "bin", folder
        locked = folder / "constraints.txt"
        locked.write_text(uv("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--quiet"))
        places = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(self.bin)}
        options = ["--quiet", "--with-executables-from", "pyinfra", "--python", sys.executable]
        uv("tool", "install", *options, "--constraints", locked, wheel, **places)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(CHECKOUTS_OWN)},
            "PATH": os.pathsep.join(
                [str(self.bin), str(Path(shutil.which("uv") or "").parent), "/usr/bin:/bin"]
            ),
            "HOME": str(folder),
            "UV_CACHE_DIR": uv("cache", "dir").strip(),
            "PYINFRA_PROGRESS": "off",
        }

    @property
    def python(self) -> Path:
        """The interpreter of the tool's environment."""
        return self.folder / "tools" / "xpulab" / "bin" / "python"

    def __call__(self, *command: str | Path, at: Path | None = None, **environment: str) -> Finished:
        """Run a command there; one that takes longer than three minutes fails."""
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=at or self.folder,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        return Finished(done)


def fakes(folder: Path) -> dict[str, str]:
    """The inventory of @fake hosts away from the checkout, and the environment that finds it."""
    package = folder / "tests" / "unit"
    package.mkdir(parents=True)
    for name in FAKES:
        shutil.copy(ROOT / "tests" / "unit" / f"{name}.py", package)
    return {"PYTHONPATH": str(folder), "XPULAB_FAKE_HOSTS": "4", "XPULAB_FAKE_LAB": "drifted"}
