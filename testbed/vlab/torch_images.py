"""Lay out the images of images.yml as the registry stores them: the same bytes give the same digests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from vlab.hosts import load_lab
from vlab.places import CACHE, KEYS, REGISTRY, SOURCES
from vlab.systems import description, tarball

IMAGES_FILE = SOURCES / "images.yml"
PACKAGES_AT = "usr/lib/python3/dist-packages"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
BUILD_NAMES = ("VERSION", "CUDA", "XPU", "EXTENSION")
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def make_registry() -> None:
    """Write the registry's storage anew, and the digest of each image beside it."""
    half = REGISTRY.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    systems = {name: _Layer(tarball(name).read_bytes()) for name in ("image", "base-image")}
    digests = {
        reference: _image(half / "docker/registry/v2", reference, about, systems)
        for reference, about in yaml.safe_load(IMAGES_FILE.read_text()).items()
    }
    # Upstream has the folder mounted, so its content is replaced and not the folder.
    REGISTRY.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(REGISTRY / "docker", ignore_errors=True)
    (half / "docker").rename(REGISTRY / "docker")
    half.rmdir()
    (CACHE / "digests.json").write_text(json.dumps(digests))


class _Layer:
    """A layer as a registry keeps it: compressed, and known by the hash of what is in it."""

    def __init__(self, tar: bytes) -> None:
        self.diff_id = f"sha256:{hashlib.sha256(tar).hexdigest()}"
        self.packed = gzip.compress(tar, compresslevel=4, mtime=0)


def _image(store: Path, reference: str, about: dict[str, str], systems: Mapping[str, _Layer]) -> str:
    repository, tag = reference.split(":")
    # Docker Hub's own images have no publisher in their name.
    repository = repository if "/" in repository else f"library/{repository}"
    layers = [systems["image" if "torch" in about else "base-image"], _Layer(_dress_layer(about["os"]))]
    if "torch" in about:
        layers.append(_Layer(_torch_layer(about)))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *_environment(about),
            ],
            "Cmd": ["/bin/bash"],
            "Labels": {"org.xpulab.testbed.stand-in": f"not the real {reference}"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created_by": f"xpulab testbed: {reference}"} for _ in layers],
    }
    encoded = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(store, repository, CONFIG, encoded),
        "layers": [_blob(store, repository, LAYER, layer.packed) for layer in layers],
    }
    written = json.dumps(manifest, sort_keys=True).encode()
    digest = _data(store, written)
    manifests = store / "repositories" / repository / "_manifests"
    for link in (
        manifests / "revisions/sha256" / digest,
        manifests / "tags" / tag / "current",
        manifests / "tags" / tag / "index/sha256" / digest,
    ):
        _link(link, digest)
    return f"sha256:{digest}"


def _environment(about: dict[str, str]) -> list[str]:
    if "cuda" not in about:
        return []
    return ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"]


def _dress_layer(os: str) -> bytes:
    """What makes the Debian system pass for another: its name, its archive, and that archive's key."""
    system = load_lab().systems[os]
    dress = SOURCES / "host" / "systems" / os
    files = {
        str(path.relative_to(dress)): path.read_bytes() for path in sorted(dress.rglob("*")) if path.is_file()
    }
    key = f"etc/apt/trusted.gpg.d/{system.archive}-keyring-testbed.asc"
    files[key] = (KEYS / f"{system.archive}.asc").read_bytes()
    return _tar(files)


def _torch_layer(about: dict[str, str]) -> bytes:
    fields = ("torch", "cuda", "xpu", "extension")
    lines = "".join(f"{name} = {about.get(key)!r}\n" for name, key in zip(BUILD_NAMES, fields, strict=True))
    sources = sorted((SOURCES / "torch").rglob("*.py"))
    files = {str(path.relative_to(SOURCES / "torch")): path.read_bytes() for path in sources}
    files["torch/build.py"] = f'"""What this stand-in was built as."""\n\n{lines}'.encode()
    if "extension" not in about:
        files = {name: data for name, data in files.items() if name.startswith("torch/")}
    return _tar(
        {f"{PACKAGES_AT}/{name}": data for name, data in files.items()}, {"usr/bin/python": "python3"}
    )


def _tar(files: Mapping[str, bytes], links: Mapping[str, str] = MappingProxyType({})) -> bytes:
    buffer = io.BytesIO()
    epoch = int(description()["epoch"])
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as layer:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, epoch
            layer.addfile(entry, io.BytesIO(data))
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname, link.mtime = tarfile.SYMTYPE, target, epoch
            layer.addfile(link)
    return buffer.getvalue()


def _blob(store: Path, repository: str, media: str, data: bytes) -> dict[str, Any]:
    digest = _data(store, data)
    _link(store / "repositories" / repository / "_layers/sha256" / digest, digest)
    return {"mediaType": media, "size": len(data), "digest": f"sha256:{digest}"}


def _data(store: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    folder = store / "blobs/sha256" / digest[:2] / digest
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists():
        (folder / "data").write_bytes(data)
    return digest


def _link(folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link").write_text(f"sha256:{digest}")
