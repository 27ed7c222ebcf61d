"""Hosts as they are before and after a first run, kept as images: a hundred of them start in minutes.

A bare host is a testbed host with the Python and GnuPG that a real Ubuntu server has, and package lists as
old as if it had been installed a while ago. A converged one went through `deploys/xpu.py` once; its disk for
Docker Engine is kept as a volume. A snapshot's tag is the digest of what it was made from.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vlab.command import TestbedError, attempt, run
from vlab.hosts import Lab
from vlab.images import image_exists
from vlab.places import FACTS, HOST_CONFIGS, ROOT, container_name, host_image, labels, volume_name
from vlab.steps import digest

from bench import say
from bench.containers import bring_up, on, on_each, remove_all
from bench.hosts import GROUPS, BenchHost, bench_hosts
from bench.inventories import FOLDER, Inventories, write_inventories

REPOSITORY = "xpulab-testbed/bench"
PRODUCT = [ROOT / name for name in ("xpulab", "roles", "templates", "deploys", "config.py")]
UPDATES_LOG = "/var/log/bench-apt-updates"
COPY_DISK = """set -eu
cp -al "$1/overlay2" "$2/"
cd "$1"
for each in *; do
    [ "$each" = overlay2 ] || cp -a "$each" "$2/"
done
"""
PREPARE = f"""set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -qy install --no-install-recommends gnupg python3 python3-apt
rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/* /var/log/apt/* /var/cache/apt/archives/*.deb
touch -d '60 days ago' /var/lib/apt/lists
mkdir -p /var/log/journal
echo 'APT::Update::Pre-Invoke {{"echo 1 >>{UPDATES_LOG}";}};' >/etc/apt/apt.conf.d/00bench-counts-updates
: >{UPDATES_LOG}
: >/etc/machine-id
"""


def bare(lab: Lab) -> dict[str, str]:
    """The image of a bare host of each kind; makes those that are missing."""
    images = {kind: _fresh(lab, kind) for kind in GROUPS}
    ids = {
        kind: run(["docker", "image", "inspect", "--format={{.Id}}", image]) for kind, image in images.items()
    }
    names = {kind: f"{REPOSITORY}-bare-{kind}:{digest(ids[kind], PREPARE)}" for kind in GROUPS}
    hosts = [host for host in bench_hosts(len(GROUPS)) if not image_exists(names[host.kind])]
    if hosts:
        say(f"bare hosts to copy: {', '.join(host.kind for host in hosts)} ...")
        known_hosts = write_inventories(FOLDER / "snapshots", hosts, lab).known_hosts
        bring_up(hosts, images, _leave_empty, lab.user, known_hosts)
        on_each(hosts, lambda host: on(host, PREPARE))
        _keep(hosts, names)
    return names


def _fresh(lab: Lab, kind: str) -> str:
    return f"{host_image(lab.hosts[kind].os, lab.hosts[kind].kernel)}:current"


def _leave_empty(host: BenchHost) -> None:
    """A bare host's Docker Engine has nothing yet."""


def bring_up_bare(hosts: Sequence[BenchHost], lab: Lab, known_hosts: Path) -> None:
    """Have just these hosts run, all of them new and bare."""
    images = bare(lab)
    remove_all()
    bring_up(hosts, images, _leave_empty, lab.user, known_hosts)


def converged(lab: Lab) -> dict[str, str]:
    """The image of a converged host of each kind; makes all of them if one is missing."""
    bare_images = bare(lab)
    names = {
        kind: f"{REPOSITORY}-converged-{kind}:"
        + digest(bare_images[kind], HOST_CONFIGS / kind, FACTS, *PRODUCT)
        for kind in GROUPS
    }
    if all(image_exists(name) and _disk_exists(name) for name in names.values()):
        return names
    hosts = bench_hosts(len(GROUPS))
    say(f"converged hosts to copy: {', '.join(host.kind for host in hosts)} ...")
    inventories = write_inventories(FOLDER / "snapshots", hosts, lab)
    bring_up_bare(hosts, lab, inventories.known_hosts)
    converge(inventories)
    on_each(hosts, lambda host: on(host, ": >/etc/machine-id"))
    _keep(hosts, names, with_disk=True)
    return names


def converge(inventories: Inventories) -> str:
    """Run the main job and return its last line; TestbedError with its output when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", "-y", inventories.pyinfra, "deploys/xpu.py"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise TestbedError(f"deploys/xpu.py failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout.splitlines()[-1]


def bring_up_converged(hosts: Sequence[BenchHost], lab: Lab, known_hosts: Path) -> None:
    """Have just these hosts run, all of them converged; TestbedError if one is not."""
    images = converged(lab)

    def fill_disk(host: BenchHost) -> None:
        image = images[host.kind]
        _copy_disk(_disk(image), volume_name(host.name), image)

    bring_up(hosts, images, fill_disk, lab.user, known_hosts)


def _keep(hosts: Sequence[BenchHost], names: dict[str, str], with_disk: bool = False) -> None:
    """Commit the hosts as images, with their engines' disks if wanted, and remove them."""
    run(["docker", "stop", *(container_name(host.name) for host in hosts)])
    for host in hosts:
        name = names[host.kind]
        repository = name.partition(":")[0]
        for stale in run(["docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}", repository]).split():
            attempt(["docker", "image", "rm", "--force", stale])
            attempt(["docker", "volume", "rm", "--force", _disk(stale)])
        if with_disk:
            run(["docker", "volume", "create", *labels(), _disk(name)])
            _copy_disk(volume_name(host.name), _disk(name), _image_of(host))
        # Last: a snapshot is whole when its image is there.
        run(["docker", "commit", container_name(host.name), name])
    remove_all()


def _image_of(host: BenchHost) -> str:
    return run(["docker", "inspect", "--format={{.Config.Image}}", container_name(host.name)]).strip()


def _disk(image: str) -> str:
    return image.replace("/", "-").replace(":", "-")


def _disk_exists(image: str) -> bool:
    return attempt(["docker", "volume", "inspect", _disk(image)]).returncode == 0


def _copy_disk(source: str, target: str, image: str) -> None:
    """Copy an engine's disk, in a container of `image`.

    The layers of its images are linked: no engine writes to a layer once it is whole.
    """
    form = "--format={{.Mountpoint}}"
    places = [Path(run(["docker", "volume", "inspect", form, volume]).strip()) for volume in (source, target)]
    volumes = places[0].parents[1]
    run(
        [
            *("docker", "run", "--rm", "--network=none", "--cap-add=SYS_ADMIN", *labels()),
            *(f"--volume={volumes}:/volumes", image, "sh", "-c", COPY_DISK, "sh"),
            *(f"/volumes/{place.relative_to(volumes)}" for place in places),
        ]
    )
