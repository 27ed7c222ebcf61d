from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.test_drift import BARE, KEYRING, TOOLKIT, found
from xpulab.converging.drift import drift
from xpulab.converging.steps import FetchKeys, Reboot, Step, next_steps
from xpulab.desired.apt_keys import fetch_keys_script, write_keyring_script
from xpulab.desired.kinds.file import File
from xpulab.desired.kinds.image import PulledImage
from xpulab.desired.kinds.json_settings import JsonSettings
from xpulab.desired.kinds.kernel import LoadedModule
from xpulab.desired.kinds.membership import Membership
from xpulab.desired.kinds.package import AbsentPackages, Package, WholePackages
from xpulab.desired.kinds.unit import Unit
from xpulab.desired.manifest import Manifest
from xpulab.desired.thing import Run
from xpulab.probing.observed import InstalledPackage, KernelModule, Observed
from xpulab.resolving.target import Image
from xpulab.shell.scripts import disable_source, rewrite, script, snippet, write_bytes

EVERYTHING = Manifest(
    (
        TOOLKIT,
        Package("docker.io"),
        Package("nvidia-container-toolkit", version="1.20.0-1"),
        AbsentPackages(("docker-ce",)),
        File("/etc/apt/apt.conf.d/99x", "a", phase="before-packages"),
        File("/etc/xpulab/host.json", "{}"),
        JsonSettings("/etc/docker/daemon.json", {"features": {"cdi": True}}),
        Membership("ops", ("docker", "render")),
        LoadedModule("nvidia", displaces=("nouveau",)),
        Unit("docker.service"),
        PulledImage(Image("pytorch/pytorch:2.14.1", "sha256:" + "a" * 64, 20)),
    )
)
NOUVEAU = {"nouveau": KernelModule("nouveau", loaded=True)}


def steps(manifest: Manifest, observed: Observed) -> tuple[Step, ...]:
    return next_steps(drift(manifest, observed), 600)


def runs(taken: tuple[Step, ...]) -> list[Run]:
    return [step for step in taken if isinstance(step, Run)]


def test_a_converged_host_has_no_step() -> None:
    assert next_steps((), 600) == ()


def test_a_bare_host_gets_one_apt_update_and_one_apt_install() -> None:
    everything = "\n".join(step.script for step in runs(steps(EVERYTHING, BARE)))
    assert everything.count("apt-get -q update") == 1
    assert everything.count(" install ") == 1
    assert "docker.io nvidia-container-toolkit=1.20.0-1" in everything


def test_keys_come_before_any_file_and_files_before_apt() -> None:
    taken = steps(EVERYTHING, BARE)
    (keys,) = [i for i, step in enumerate(taken) if isinstance(step, FetchKeys)]
    (files,) = [i for i, step in enumerate(taken) if isinstance(step, Run) and step.what == "write files"]
    (apt,) = [i for i, step in enumerate(taken) if isinstance(step, Run) and step.what.startswith("apt:")]
    assert keys < files < apt


def test_nothing_is_started_before_the_software_is_there_nor_pulled_before_the_engine_runs() -> None:
    scripts = "\n".join(step.script for step in runs(steps(EVERYTHING, BARE)))
    assert "systemctl restart" not in scripts and "systemctl enable" not in scripts
    assert scripts.count("docker pull") == 1
    assert "until docker version" in scripts  # only once the engine runs


def test_the_pull_starts_beside_apt_and_a_reboot_waits_for_it() -> None:
    (apt,) = [step for step in runs(steps(EVERYTHING, BARE)) if step.what.startswith("apt:")]
    assert apt.script.index("--unit=xpulab-prefetch.service") < apt.script.index("apt-get -q update")
    assert "is-active --quiet xpulab-prefetch.service" in Reboot("x").script


def test_a_reboot_comes_alone_after_the_software() -> None:
    manifest = Manifest(
        (
            *EVERYTHING.of(LoadedModule),
            *EVERYTHING.of(Unit),
            *EVERYTHING.of(PulledImage),
        )
    )
    assert steps(manifest, replace(BARE, modules=NOUVEAU)) == (Reboot("nvidia: nouveau holds the device"),)


def test_modules_services_and_images_come_last_and_in_that_order() -> None:
    manifest = Manifest(
        (
            *EVERYTHING.of(LoadedModule),
            *EVERYTHING.of(Unit),
            *EVERYTHING.of(PulledImage),
        )
    )
    on_disk = {"nvidia": KernelModule("nvidia", disk_version="580.178.04")}
    assert [step.what for step in runs(steps(manifest, replace(BARE, modules=on_disk)))] == [
        "load nvidia",
        "start docker.service",
        "pull pytorch/pytorch:2.14.1",
    ]


def test_removing_a_package_goes_into_the_same_transaction_as_installing() -> None:
    observed = replace(BARE, packages={"docker-ce": InstalledPackage("27")})
    (apt,) = [step for step in runs(steps(EVERYTHING, observed)) if step.what.startswith("apt:")]
    assert "nvidia-container-toolkit=1.20.0-1 docker-ce-" in apt.script


def test_an_interrupted_dpkg_is_finished_first() -> None:
    observed = replace(BARE, packages={"runc": InstalledPackage("1", intact=False)})
    (apt,) = runs(steps(Manifest((WholePackages(),)), observed))
    assert apt.script.index("dpkg --configure -a") < apt.script.index("apt-get -q update")


def test_a_pinned_image_is_pulled_by_digest_and_then_tagged() -> None:
    (pull,) = runs(steps(Manifest((*EVERYTHING.of(PulledImage),)), BARE))
    digest = "pytorch/pytorch@sha256:" + "a" * 64
    assert f"docker pull --quiet {digest}" in pull.script
    assert f"docker tag {digest} pytorch/pytorch:2.14.1" in pull.script


def test_daemon_json_keeps_the_keys_of_others(tmp_path: Path) -> None:
    cdi = JsonSettings("/etc/docker/daemon.json", {"features": {"cdi": True}})
    runtime = JsonSettings("/etc/docker/daemon.json", {"runtimes": {"nvidia": {"args": []}}})
    manifest = Manifest((cdi,)) + Manifest((runtime,))
    theirs = '{"features": {"buildkit": true}, "log-driver": "journald"}'
    (step,) = runs(steps(manifest, replace(BARE, contents={"/etc/docker/daemon.json": theirs})))
    written = tmp_path / "daemon.json"
    _run_locally(step.script.replace("/etc/docker", str(tmp_path)))
    assert json.loads(written.read_text()) == {
        "features": {"buildkit": True, "cdi": True},
        "log-driver": "journald",
        "runtimes": {"nvidia": {"args": []}},
    }


@pytest.mark.parametrize("name", ["plain", "with space", "quote's", "$(touch owned)", "a;b", "-dash"])
def test_file_names_and_contents_never_become_shell(tmp_path: Path, name: str) -> None:
    content = bytes(range(256))
    target = tmp_path / name
    _run_locally(write_bytes(str(target), content, "0640"), cwd=tmp_path)
    assert target.read_bytes() == content
    assert oct(target.stat().st_mode)[-3:] == "640"
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_foreign_source_is_commented_out_and_its_neighbours_stay(tmp_path: Path) -> None:
    sources = tmp_path / "sources.list"
    sources.write_text("deb http://a/ubuntu jammy main\ndeb [arch=amd64] https://nvidia.github.io/x /\n")
    _run_locally(disable_source(str(sources), "https://nvidia.github.io/x", "/"))
    first, second = sources.read_text().splitlines()
    assert first == "deb http://a/ubuntu jammy main"
    assert second.startswith("# disabled by xpulab: deb ")


def test_of_an_archive_only_the_suite_that_stands_twice_is_commented_out(tmp_path: Path) -> None:
    archive = "https://deb.debian.org/debian"
    lines = [
        f"deb {archive} bookworm main",
        f"deb {archive}/ bookworm-backports-sloppy main",
        f"deb [signed-by=/x.gpg] {archive} bookworm-backports main contrib",
        f"deb-src {archive} bookworm-backports main",
        f"deb {archive}-security bookworm-security main",
    ]
    sources = tmp_path / "sources.list"
    sources.write_text("\n".join(lines) + "\n")
    _run_locally(disable_source(str(sources), archive, "bookworm-backports"))
    after = sources.read_text().splitlines()
    assert [line.startswith("# disabled by xpulab: ") for line in after] == [False, False, True, True, False]


FOREIGN = "https://nvidia.github.io/x"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"URIs: {FOREIGN}\nSuites: jammy", f"Enabled: no|URIs: {FOREIGN}|Suites: jammy"),
        (f"Enabled: yes\nURIs: {FOREIGN}\nSuites: jammy", f"Enabled: no|URIs: {FOREIGN}|Suites: jammy"),
        (f"URIs: {FOREIGN}\nSuites: noble jammy x\nA: b", f"URIs: {FOREIGN}|Suites: noble x|A: b"),
        (f"URIs: http://a\n {FOREIGN}\n http://b\nSuites: jammy", "URIs: http://a| http://b|Suites: jammy"),
        (
            f"# note\nURIs: http://a {FOREIGN}\nSuites:\n jammy\n noble",
            f"# note|URIs: http://a|Suites:| jammy| noble||# note|URIs: {FOREIGN}|Suites:| noble",
        ),
        ("URIs: http://a\nSuites: jammy", "URIs: http://a|Suites: jammy"),
        (f"URIs: {FOREIGN}\nSuites: noble", f"URIs: {FOREIGN}|Suites: noble"),
    ],
    ids=["alone", "enabled", "other suites", "other URIs", "both", "another URI", "another suite"],
)
def test_of_a_deb822_file_only_the_suite_of_that_source_is_switched_off(
    tmp_path: Path, before: str, after: str
) -> None:
    first, last = "# the archive\nTypes: deb\nURIs: http://archive\nSuites: jammy", "Types: deb\nURIs: z"
    sources = tmp_path / "vendor.sources"
    sources.write_text(f"{first}\n\n{before}\n\n{last}\n")
    sources.chmod(0o640)
    _run_locally(disable_source(str(sources), FOREIGN, "jammy"))
    assert sources.read_text() == f"{first}\n\n{after}\n\n{last}\n".replace("|", "\n")
    assert oct(sources.stat().st_mode)[-3:] == "640" and len(list(tmp_path.iterdir())) == 1


def test_what_a_script_makes_can_be_read_whatever_roots_umask_is(tmp_path: Path) -> None:
    write = script([write_bytes(str(tmp_path / "own" / "host.json"), b"{}")])
    _run_locally(f"umask 077\n{write}")
    assert oct((tmp_path / "own").stat().st_mode)[-3:] == "755"


def test_a_registry_that_went_silent_holds_a_reboot_up_for_minutes_at_most() -> None:
    text = Reboot("x").script
    assert "systemctl stop xpulab-prefetch.service" in text and "-ge 300" in text


def test_every_script_is_shell_that_shellcheck_accepts(tmp_path: Path) -> None:
    services = Manifest(
        (
            *EVERYTHING.of(LoadedModule),
            *EVERYTHING.of(Unit),
            *EVERYTHING.of(PulledImage),
        )
    )
    scripts = [step.script for step in runs(steps(EVERYTHING, BARE)) + runs(steps(services, BARE))]
    scripts += [Reboot("x").script, fetch_keys_script([TOOLKIT])]
    for number, text in enumerate(scripts):
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/bin/sh\n{text}\n")
        # SC2016: a script for another shell is quoted on purpose.
        checked = subprocess.run(["shellcheck", "-e", "SC2016", str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def _run_locally(script: str, cwd: Path | None = None) -> None:
    subprocess.run(["sh", "-c", script.replace("chown root:root", ":")], check=True, cwd=cwd)


def script_of_apt(manifest: Manifest, observed: Observed) -> str:
    return next(step.script for step in runs(steps(manifest, observed)) if "apt-get -q update" in step.script)


def test_a_package_that_cannot_be_configured_does_not_keep_apt_from_removing_it(tmp_path: Path) -> None:
    broken = replace(BARE, packages={"nvidia-dkms-570": InstalledPackage("570", intact=False)})
    manifest = Manifest((WholePackages(), AbsentPackages(("nvidia-dkms-*",))))
    text = script_of_apt(manifest, broken)
    assert "nvidia-dkms-570-" in text
    (tmp_path / "dpkg").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "dpkg").chmod(0o755)
    line = next(each for each in text.splitlines() if each.startswith("dpkg --configure"))
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    text = f"set -eu\n{line}\necho goes on"
    done = subprocess.run(["sh", "-c", text], capture_output=True, env=path, check=True)
    assert done.stdout == b"goes on\n"


def test_where_certificates_are_missing_they_come_before_the_first_key() -> None:
    taken = steps(Manifest((TOOLKIT, Package("ca-certificates"))), BARE)
    first, second = taken[:2]
    assert isinstance(first, Run) and first.script.splitlines()[-1].endswith("install ca-certificates")
    assert isinstance(second, FetchKeys)
    there = replace(BARE, packages={"ca-certificates": InstalledPackage("1")})
    assert isinstance(steps(Manifest((TOOLKIT, Package("ca-certificates"))), there)[0], FetchKeys)


EXPIRED = (
    "W: GPG error: https://nvidia.github.io/x/amd64  InRelease: "
    "The following signatures were invalid: EXPKEYSIG DDCA"
)
UNKNOWN = "E: The repository 'https://other.example x' is not signed: NO_PUBKEY 0123456789ABCDEF"


def updated(
    folder: Path, said: str, status: int, age_s: int
) -> tuple[subprocess.CompletedProcess[str], bool]:
    """What the update of package lists does where apt says that; and whether the keyring is still there."""
    keyring, sources = folder / "key.gpg", folder / "sources"
    keyring.write_text("key")
    moment = time.time() - age_s
    os.utime(keyring, (moment, moment))
    sources.mkdir()
    uri = "https://nvidia.github.io/x/$(ARCH)/"
    (sources / "xpulab-x.sources").write_text(f"Types: deb\nURIs: {uri}\nSigned-By: {keyring}\n")
    for name, text in {"apt-get": f"cat {folder}/said; exit {status}", "dpkg": "echo amd64"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "said").write_text(f"{said}\n")
    text = script([snippet("update_apt"), "echo installs"]).replace("/etc/apt/sources.list.d", str(sources))
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, env=path, check=False)
    return done, keyring.exists()


def test_a_keyring_that_no_longer_fits_goes_so_that_the_next_look_has_it_fetched(tmp_path: Path) -> None:
    done, there = updated(tmp_path, EXPIRED, 0, age_s=86400)
    assert not there and done.returncode == 0
    assert "are out of date" in done.stdout and "installs" not in done.stdout


def test_one_that_was_fetched_just_now_stays_and_apt_goes_on(tmp_path: Path) -> None:
    done, there = updated(tmp_path, EXPIRED, 0, age_s=1)
    assert there and "installs" in done.stdout


def test_a_signature_of_somebody_elses_source_is_apts_to_tell(tmp_path: Path) -> None:
    done, there = updated(tmp_path, UNKNOWN, 100, age_s=86400)
    assert there and done.returncode == 100 and UNKNOWN in done.stderr


def test_a_list_that_could_not_be_fetched_is_said_before_what_follows_from_it(tmp_path: Path) -> None:
    warning = "W: Failed to fetch https://nvidia.github.io/x/InRelease  Could not connect"
    done, _ = updated(tmp_path, warning, 0, age_s=86400)
    assert warning in done.stderr and "installs" in done.stdout


def test_what_was_pulled_beside_apt_stops_where_apt_fails() -> None:
    text = script_of_apt(EVERYTHING, BARE)
    trap = next(line for line in text.splitlines() if line.startswith("trap "))
    assert "systemctl stop xpulab-prefetch.service" in trap and text.index(trap) < text.index("systemd-run")
    for status, stopped in ((1, True), (0, False)):
        said = f"systemctl() {{ echo stopped; }}; {trap.replace('2>/dev/null', '')}; exit {status}"
        done = subprocess.run(["sh", "-c", said], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout == "stopped\n") == (status, stopped)


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_file_of_somebody_elses_keeps_its_mode_and_its_link(tmp_path: Path, through_a_link: bool) -> None:
    real, named = tmp_path / "real.json", tmp_path / "daemon.json"
    real.write_text('{"auths": "secret"}')
    real.chmod(0o600)
    if through_a_link:
        named.symlink_to(real)
    else:
        real.rename(named)
    subprocess.run(["sh", "-c", script([rewrite(str(named), b"{}\n")])], check=True)
    assert named.read_text() == "{}\n" and named.is_symlink() == through_a_link
    assert named.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.dpkg-tmp"))


def test_a_keyring_is_sealed_and_one_that_changed_since_is_fetched_anew(tmp_path: Path) -> None:
    keyring = tmp_path / "xpulab-x-0123.gpg"
    for keys in (b"one", b"two"):
        subprocess.run(["sh", "-c", write_keyring_script(str(keyring), keys)], check=True)
        digest = hashlib.sha256(keys).hexdigest()
        assert {each.name for each in tmp_path.iterdir()} == {keyring.name, f"{keyring.name}.{digest}"}
    source = TOOLKIT.source
    changed = {**KEYRING, TOOLKIT.keyring: found("broken"), source.path: found(source.content)}
    (difference,) = drift(Manifest((TOOLKIT,)), replace(BARE, files=changed))
    assert (difference.kind, difference.found) == ("apt key", "not as it was written")
