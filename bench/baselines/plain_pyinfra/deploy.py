"""Bare Ubuntu 22.04 hosts become PyTorch hosts, by pyinfra's operations."""

import json
from io import StringIO
from pathlib import Path
from shlex import quote

from kernel_modules import other_module_runs, reboot
from kinds import COMMON_CONFLICTS, COMMON_PACKAGES, KINDS
from pyinfra import config, host
from pyinfra.facts.deb import DebPackages
from pyinfra.facts.docker import DockerImage
from pyinfra.facts.files import File, FileContents
from pyinfra.facts.server import KernelVersion
from pyinfra.operations import apt, docker, files, python, server, systemd
from pyinfra.operations.util import any_changed

config.SUDO = True

HERE = Path(__file__).resolve().parent
OWNED = {"user": "root", "group": "root", "mode": "644"}
CDI_SPECIFICATION = "/var/run/cdi/nvidia.yaml"

group = next(each for each in host.groups if each in KINDS)
kind = KINDS[group]
kernel = host.get_fact(KernelVersion) if group == "max" else ""
gpu_packages = [name.format(kernel=kernel) for name in kind.gpu_packages]


def keyring(name, fingerprint):
    return f"/etc/apt/keyrings/xpulab-{name}-{fingerprint[-16:]}.gpg"


def accept_key(url, fingerprint, path):
    """Shell that writes the pinned primary key of a URL, and only that: apt.key knows no fingerprints."""
    return "\n".join(
        [
            "set -eu",
            'GNUPGHOME="$(mktemp -d)"; export GNUPGHOME',
            "trap 'rm -rf \"$GNUPGHOME\"' EXIT",
            f'curl -fsSL -o "$GNUPGHOME/key" {quote(url)}',
            'gpg --batch --quiet --import "$GNUPGHOME/key"',
            f"gpg --batch --with-colons --list-keys {quote(fingerprint)} |",
            f"""awk -F: '$1 == "fpr" {{ print $10; exit }}' | grep -qx {quote(fingerprint)}""",
            f'gpg --batch --quiet --export --output "$GNUPGHOME/keyring" {quote(fingerprint)}',
            f'install -D -m 0644 "$GNUPGHOME/keyring" {quote(path)}',
        ]
    )


def merged(found, wanted):
    """JSON objects in one, keys of `found` kept."""
    result = dict(found)
    for key, value in wanted.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


for name in host.loop(["99xpulab-lock-timeout", "99xpulab-unattended-upgrades"]):
    files.put(
        name="Configure apt", src=str(HERE / "files" / name), dest=f"/etc/apt/apt.conf.d/{name}", **OWNED
    )

sources = []
for repository in host.loop(kind.repositories):
    (fingerprint,) = host.data.repositories[repository.name]["fingerprints"]
    path = keyring(repository.name, fingerprint)
    if not host.get_fact(File, path=path):
        server.shell(
            name="Accept the vendor's apt key by its fingerprint",
            commands=[accept_key(repository.key_url, fingerprint, path)],
        )
    # apt.sources_file takes a file with other comments for the same, and writes none of its own.
    sources.append(
        files.template(
            name="Add the vendor's apt repository",
            src=str(HERE / "templates" / "repository.sources.j2"),
            dest=f"/etc/apt/sources.list.d/xpulab-{repository.name}.sources",
            repository=repository,
            keyring=path,
            jinja_env_kwargs={"trim_blocks": True},
            **OWNED,
        )
    )

if group == "nvidia":
    files.put(
        name="Pin the driver to the archive",
        src=str(HERE / "files" / "00-xpulab-nvidia.pref"),
        dest="/etc/apt/preferences.d/00-xpulab-nvidia.pref",
        **OWNED,
    )
elif group in ("intel", "max"):
    files.template(
        name="Pin the driver to Intel's channel",
        src=str(HERE / "templates" / "00-xpulab-intel.pref.j2"),
        dest="/etc/apt/preferences.d/00-xpulab-intel.pref",
        packages=gpu_packages,
        **OWNED,
    )

if sources:
    apt.update(name="Update apt for new repositories", _if=any_changed(*sources))
else:
    apt.update(name="Update apt", _if=lambda: "docker.io" not in host.get_fact(DebPackages))
apt.packages(
    name="Remove packages that conflict with the wanted ones",
    packages=[*COMMON_CONFLICTS, *kind.conflicts],
    present=False,
)
apt.packages(
    name="Install all packages",
    packages=[*COMMON_PACKAGES, *gpu_packages, *kind.more_packages],
    no_recommends=True,
    allow_downgrades=True,
)

for user in host.loop(host.data.users):
    server.user(
        name="Let the lab's user use the devices and the engine",
        user=user,
        groups=list(kind.groups),
        append=True,
    )

if kind.daemon_json:
    found = json.loads("\n".join(host.get_fact(FileContents, path="/etc/docker/daemon.json") or ["{}"]))
    wanted = merged(found, kind.daemon_json)
    if wanted != found:
        files.put(
            name="Merge Docker's settings",
            src=StringIO(json.dumps(wanted, indent=4) + "\n"),
            dest="/etc/docker/daemon.json",
            **OWNED,
        )
        systemd.service(name="Restart Docker", service="docker.service", restarted=True)
systemd.service(name="Run Docker", service="docker.service", running=True, enabled=True)

if group == "nvidia":
    nouveau = files.put(
        name="Keep nouveau off the card",
        src=str(HERE / "files" / "xpulab-nouveau.conf"),
        dest="/etc/modprobe.d/xpulab-nouveau.conf",
        **OWNED,
    )
    server.shell(name="Rebuild the initramfs", commands=["update-initramfs -u"], _if=nouveau.did_change)

if kind.kernel_module:
    python.call(
        name="Reboot for the kernel module on disk",
        function=reboot,
        _if=lambda: other_module_runs(kind.kernel_module),
    )

if group == "nvidia":
    drop_in = files.put(
        name="Run nvidia-persistenced with persistence mode on",
        src=str(HERE / "files" / "persistenced.conf"),
        dest="/etc/systemd/system/nvidia-persistenced.service.d/xpulab.conf",
        **OWNED,
    )
    systemd.service(
        name="Restart nvidia-persistenced",
        service="nvidia-persistenced.service",
        restarted=True,
        daemon_reload=True,
        _if=drop_in.did_change,
    )
    for unit in host.loop(["nvidia-persistenced.service", "nvidia-cdi-refresh.path"]):
        systemd.service(name="Run NVIDIA's units", service=unit, running=True, enabled=True)
    server.shell(
        name="Write the CDI specification",
        commands=["systemctl restart nvidia-cdi-refresh.service"],
        _if=lambda: not host.get_fact(File, path=CDI_SPECIFICATION),
    )
    # It goes stale with the next driver and shadows the fresh one.
    files.file(name="Remove a persistent CDI specification", path="/etc/cdi/nvidia.yaml", present=False)

digest = host.data.images[kind.image]["digest"]
by_digest = f"{kind.image.rpartition(':')[0]}@{digest}"


def tag_means_another_image():
    found = host.get_fact(DockerImage, object_id=kind.image) or []
    return not any(by_digest in each["RepoDigests"] for each in found)


docker.image(name="Pull the PyTorch image by digest", image=by_digest)
server.shell(
    name="Tag the PyTorch image",
    commands=[f"docker tag {quote(by_digest)} {quote(kind.image)}"],
    _if=tag_means_another_image,
)

record = {
    **{key: kind.record[key] for key in ("vendor", "os", "accelerators", "driver")},
    "beside": None,
    "engine": "docker.io",
    "image": {"reference": kind.image, "digest": digest},
    "notes": kind.record["notes"],
}
files.put(
    name="Record what the host is",
    src=StringIO(json.dumps(record, indent=2, ensure_ascii=False) + "\n"),
    dest="/etc/xpulab/host.json",
    **OWNED,
)
