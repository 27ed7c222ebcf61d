"""Lay out the images of images.yml as the registry stores them: the same bytes give the same digests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import yaml

from vlab.places import CACHE, REGISTRY, SOURCES
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
    base = gzip.compress(tarball("torch").read_bytes(), compresslevel=4, mtime=0)
    base_id = hashlib.sha256(tarball("torch").read_bytes()).hexdigest()
    digests = {
        reference: _image(half / "docker/registry/v2", reference, about, base, base_id)
        for reference, about in yaml.safe_load(IMAGES_FILE.read_text()).items()
    }
    # Upstream has the folder mounted, so its content is replaced and not the folder.
    REGISTRY.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(REGISTRY / "docker", ignore_errors=True)
    (half / "docker").rename(REGISTRY / "docker")
    half.rmdir()
    (CACHE / "digests.json").write_text(json.dumps(digests))


def _image(store: Path, reference: str, about: dict[str, str], base: bytes, base_id: str) -> str:
    repository, tag = reference.split(":")
    layer = _torch_layer(about)
    packed = gzip.compress(layer, mtime=0)
    layer_id = hashlib.sha256(layer).hexdigest()
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
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{base_id}", f"sha256:{layer_id}"]},
        "history": [{"created_by": "xpulab testbed"}, {"created_by": f"xpulab testbed: {reference}"}],
    }
    encoded = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(store, repository, CONFIG, encoded),
        "layers": [_blob(store, repository, LAYER, base), _blob(store, repository, LAYER, packed)],
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


def _torch_layer(about: dict[str, str]) -> bytes:
    fields = ("torch", "cuda", "xpu", "extension")
    lines = "".join(f"{name} = {about.get(key)!r}\n" for name, key in zip(BUILD_NAMES, fields, strict=True))
    sources = sorted((SOURCES / "torch").rglob("*.py"))
    files = {str(path.relative_to(SOURCES / "torch")): path.read_bytes() for path in sources}
    files["torch/build.py"] = f'"""What this stand-in was built as."""\n\n{lines}'.encode()
    if "extension" not in about:
        files = {name: data for name, data in files.items() if name.startswith("torch/")}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as layer:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{PACKAGES_AT}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o644, int(description()["epoch"])
            layer.addfile(entry, io.BytesIO(data))
        python = tarfile.TarInfo("usr/bin/python")
        python.type, python.linkname, python.mtime = tarfile.SYMTYPE, "python3", int(description()["epoch"])
        layer.addfile(python)
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
