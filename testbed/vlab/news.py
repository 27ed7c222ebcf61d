"""What vendors tell of their releases: as the catalog has it, and as it is once the catalog has rotted."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from vlab.places import ROTTEN, SOURCES, WWW

NEWS = SOURCES / "news"


def host_names() -> list[str]:
    """Return every host name that news are told under."""
    return sorted({folder.name for kind in ("sound", "rotten") for folder in (NEWS / kind).iterdir()})


def lay_out_news(www: Path = WWW, rotten: Path = ROTTEN) -> None:
    """Lay the sound news among what upstream serves, and the rotten ones in the folder in front of it."""
    shutil.copytree(NEWS / "sound", www, dirs_exist_ok=True)
    rotten.mkdir(parents=True, exist_ok=True)
    for stale in rotten.iterdir():  # the folder itself is mounted
        shutil.rmtree(stale)
    shutil.copytree(NEWS / "rotten", rotten, dirs_exist_ok=True)
    for index in [*rotten.rglob("Packages"), *rotten.rglob("Contents-*")]:
        # Packed, as they lie in front of packed ones.
        packed = gzip.compress(index.read_bytes(), mtime=0)
        index.with_name(f"{index.name}.gz").write_bytes(packed)
        index.unlink()
