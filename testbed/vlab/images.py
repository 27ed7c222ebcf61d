"""Make the Docker images of the hosts and of upstream."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

from vlab.command import attempt, run
from vlab.hosts import Lab, System
from vlab.packages import PACKAGES, PAYLOAD, load_packages
from vlab.places import CACHE, KEYS, LABEL, SOURCES, UPSTREAM_IMAGE, host_image, labels
from vlab.repositories import pool
from vlab.steps import digest, say
from vlab.systems import tarball

# Docker 20.10 has no BuildKit of its own, and the classic builder is in every version that came after.
CLASSIC = {"DOCKER_BUILDKIT": "0"}
KERNELS = (PACKAGES / "kernels.yml", PACKAGES / "kernels-debian.yml")


def image_exists(name: str) -> bool:
    """Return whether Docker has the image."""
    return attempt(["docker", "image", "inspect", "--format", "{{.Id}}", name]).returncode == 0


def host_images_tag(lab: Lab) -> str:
    """Return the tag of the images for what the clone holds now."""
    kernels = [*KERNELS, PAYLOAD / "kernel-installed", PAYLOAD / "build-modules"]
    return digest(repr(lab.systems), SOURCES / "host", SOURCES / "systems.yml", *kernels, KEYS / "ca.crt")


def make_host_images(lab: Lab) -> None:
    """Make one image for each operating system and kernel that a host starts on."""
    tag = host_images_tag(lab)
    for os, kernel in lab.images():
        name = f"{host_image(os, kernel)}:{tag}"
        if not image_exists(name):
            say(f"image of the hosts with {os} on {kernel} ...")
            _make_host_image(os, lab.systems[os], kernel, name)
        run(["docker", "tag", name, f"{host_image(os, kernel)}:current"])
        _drop_outdated(host_image(os, kernel), {tag, "current"})


def _drop_outdated(repository: str, kept: set[str]) -> None:
    for tag in run(["docker", "image", "ls", "--format={{.Tag}}", repository]).split():
        if tag not in kept:
            attempt(["docker", "image", "rm", f"{repository}:{tag}"])


def _make_host_image(os: str, dressed: System, kernel: str, name: str) -> None:
    system = _import("host")
    context = CACHE / f"image-{os}-{kernel}"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(SOURCES / "host", context)
    (context / "systems" / os).rename(context / "system")
    _trust(context / "trust", dressed.archive)
    (context / "debs").mkdir()
    for deb in _kernel_debs(dressed, kernel):
        shutil.copy(deb, context / "debs")
    run(
        [
            *("docker", "build", "--quiet", "--network=none", *labels(), f"--tag={name}"),
            f"--build-arg=SYSTEM={system}",
            f"--build-arg=KERNEL_META={dressed.kernels[kernel].meta}",
            context,
        ],
        env=CLASSIC,
    )
    shutil.rmtree(context)


def _kernel_debs(dressed: System, kernel: str) -> list[Path]:
    """Return the debs of the kernel that a fresh server of this kind has, its metapackages included."""
    suite = dressed.kernels[kernel].suite
    fresh = [
        package
        for package in load_packages(*KERNELS)
        if suite in package.suites
        and any(fnmatch(package.name, pattern) for pattern in dressed.fresh)
        and kernel in f"{package.name} {package.relations.get('Depends', '')}"
    ]
    return [pool(package.repository, suite, package.component) / package.filename for package in fresh]


def _trust(folder: Path, vendor: str) -> None:
    """Lay out the lab's certificate authority and the key of the host's archive as a host finds them."""
    authority = folder / "usr/local/share/ca-certificates/xpulab-testbed.crt"
    archive = folder / f"etc/apt/trusted.gpg.d/{vendor}-keyring-testbed.asc"
    for source, target in ((KEYS / "ca.crt", authority), (KEYS / f"{vendor}.asc", archive)):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def make_upstream_image() -> str:
    """Make upstream's image unless it exists, and return its name."""
    name = f"{UPSTREAM_IMAGE}:{digest(SOURCES / 'upstream', SOURCES / 'systems.yml')}"
    if not image_exists(name):
        system = _import("upstream")
        run(
            [
                *("docker", "build", "--quiet", "--network=none", *labels(), f"--tag={name}"),
                f"--build-arg=SYSTEM={system}",
                SOURCES / "upstream",
            ],
            env=CLASSIC,
        )
    return name


def _import(system: str) -> str:
    """Give Docker the system's file tree, and return the image's name."""
    source = tarball(system)
    name = (
        f"xpulab-testbed/system-{system}:{digest(str(source.stat().st_mtime_ns), str(source.stat().st_size))}"
    )
    if not image_exists(name):
        # Without the clone's label: `--change` has no way to say a path with a blank in it.
        run(["docker", "import", f"--change=LABEL {LABEL}=1", source, name])
    return name
