"""Build all that the hosts and upstream are made of, and start upstream. A second run finds it done."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys

import yaml

from vlab import lab as surroundings
from vlab.command import TestbedError, attempt
from vlab.debs import build_debs
from vlab.host_config import write_host_config
from vlab.hosts import Lab, load_lab
from vlab.identities import make_authority, make_signing_key, make_ssh_keys
from vlab.images import host_images_tag, image_exists, make_host_images, make_upstream_image
from vlab.inventory import write_vagrant_data
from vlab.news import NEWS, lay_out_news
from vlab.places import (
    BUILDER,
    CACHE,
    CLONE_LABEL,
    DEBS,
    FACTS,
    KEYS,
    REGISTRY,
    ROOT,
    ROTTEN,
    SOURCES,
    STAMPS,
    STATE,
    UPSTREAM,
    WWW,
    host_image,
)
from vlab.pypi import CATALOG, REQUIREMENTS, fill_pypi
from vlab.repositories import REPOSITORIES_FILE, load_repositories, pool, publish
from vlab.steps import digest, once, say
from vlab.systems import archives, fetch_archives, make_systems, tarball
from vlab.torch_images import make_registry


def build() -> None:
    """Build what is missing or changed, one run at a time."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lab = load_lab()
        everything = digest(SOURCES, REQUIREMENTS, CATALOG)
        done = STAMPS / "everything"
        if done.is_file() and done.read_text() == everything and _stands(lab):
            return
        done.unlink(missing_ok=True)
        _build(lab)
        done.write_text(everything)


def _stands(lab: Lab) -> bool:
    """Return whether Docker still has what an earlier run made."""
    names = [f"{host_image(os, kernel)}:{host_images_tag(lab)}" for os, kernel in lab.images()]
    form = f'{{{{.State.Running}}}} {{{{index .Config.Labels "{CLONE_LABEL}"}}}}'
    upstream = attempt(["docker", "inspect", "--format", form, UPSTREAM]).stdout.strip()
    return upstream == f"true {ROOT}" and all(image_exists(name) for name in names)


def _build(lab: Lab) -> None:
    surroundings.remove_other_clones()
    make_authority(surroundings.upstream_names())
    fingerprints = {name: make_signing_key(each.signer) for name, each in load_repositories().items()}
    make_ssh_keys(lab)
    for host in lab.hosts.values():
        write_host_config(host)

    make_systems()
    fetch_archives(DEBS)
    _publish_repositories()
    once(
        "registry",
        "images for the registry",
        digest(
            SOURCES / "torch",
            SOURCES / "images.yml",
            BUILDER / "torch_images.py",
            SOURCES / "host" / "systems",
            KEYS / "ubuntu.fpr",
            _state_of(tarball("image").name),
            _state_of(tarball("base-image").name),
        ),
        make_registry,
        result=REGISTRY / "docker",
    )
    _fill_pypi()
    once("news", "news of releases", digest(NEWS, BUILDER / "news.py"), lay_out_news, result=ROTTEN)
    images = json.loads((CACHE / "digests.json").read_text())
    FACTS.write_text(json.dumps({"fingerprints": fingerprints, "images": images}, indent=2) + "\n")
    write_vagrant_data(lab)

    make_host_images(lab)
    surroundings.make_network()
    surroundings.make_volumes(list(lab.hosts.values()))
    surroundings.start_upstream(make_upstream_image())


def _state_of(name: str) -> str:
    about = (CACHE / name).stat()
    return f"{name} {about.st_size} {about.st_mtime_ns}"


def _fill_pypi() -> None:
    """Wheels for the workbench images."""
    sources = [REQUIREMENTS, CATALOG, SOURCES / "torch", BUILDER / "pypi.py"]
    once("pypi", "wheels for PyPI and PyTorch's index", digest(*sources), fill_pypi, result=WWW / "pypi.org")


def _publish_repositories() -> None:
    sources = [
        SOURCES / "packages",
        SOURCES / "payload",
        BUILDER / "debs.py",
        BUILDER / "packages.py",
        BUILDER / "repositories.py",
        REPOSITORIES_FILE,
    ]
    fetched = [(STAMPS / f"archive-{name}").read_text() for name in archives()]
    fingerprint = digest(*sources, *sorted(KEYS.glob("*.fpr")), *fetched)
    once("repositories", "stand-in packages and apt repositories", fingerprint, _publish, result=WWW)


def _publish() -> None:
    for repository in load_repositories().values():
        for stale in repository.root.rglob("*.deb"):
            stale.unlink()
    build_debs(DEBS / "ubuntu")
    for name, archive in archives().items():
        for suite in archive["suites"]:
            real = pool(name, suite, archive["component"])
            real.mkdir(parents=True, exist_ok=True)
            for deb in (DEBS / name).glob("*.deb"):
                shutil.copyfile(deb, real / deb.name)
    for repository in load_repositories().values():
        publish(repository)


def main() -> int:
    """Build, and say in one line what is wrong when it cannot be done."""
    try:
        build()
    except (TestbedError, OSError, yaml.YAMLError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
