"""What the launcher on the host tells Docker, with stand-ins for Docker and for the host's folders."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sample_workbenches import public_key
from tests.unit.test_workbench_role import ARC, container
from xpulab.roles.workbench import LAUNCHER, STATE

DOCKER = """#!/bin/sh
case "$1 $2" in
    "info --format") [ -z "$CDI" ] || echo '["/etc/cdi"]' ;;
    "container inspect") exit 1 ;;
    rm*) ;;
    run*) printf '%s\\n' "$@" >"$OUT" ;;
esac
"""


class Host:
    """A folder that stands for the host's root."""

    def __init__(self, folder: Path, **said: Any) -> None:
        self.root = folder / "root"
        self.out = folder / "docker-run"
        self.wanted = container(ARC, **said)
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(DOCKER)
        (folder / "bin" / "docker").chmod(0o755)
        self.environment = {
            "PATH": f"{folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            "XPULAB_ROOT": str(self.root),
            "OUT": str(self.out),
            "CDI": "",
        }
        for file in self.wanted.files:
            place = self.root / file.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self._here(file.content) if file.path == LAUNCHER else file.content)
            place.chmod(int(file.mode, 8))

    def _here(self, launcher: str) -> str:
        return launcher.replace(f"state={STATE}", f"state={self.root}{STATE}")

    @property
    def state(self) -> Path:
        return Path(f"{self.root}{STATE}")

    def launch(self, word: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [f"{self.root}{LAUNCHER}", word],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
        )

    def options(self, **environment: str) -> list[str]:
        done = self.launch("run", **environment)
        assert done.returncode == 0, done.stderr
        return self.out.read_text().splitlines()

    def vendors(self, vendors: str) -> None:
        settings = self.root / "etc/xpulab/workbench/settings"
        lines = [x for x in settings.read_text().splitlines() if not x.startswith("vendors=")]
        settings.write_text("\n".join([*lines, f"vendors='{vendors}'", ""]))


@pytest.fixture
def cpu(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.vendors("cpu")
    return made


def test_it_is_published_at_the_inventorys_address_alone(cpu: Host) -> None:
    options = cpu.options()
    assert {"--publish=127.0.0.1:8888:8888", "--publish=127.0.0.1:2222:2222"} <= set(options)
    assert "--env=WORKBENCH_BIND=0.0.0.0" in options


def test_an_ipv6_address_is_published_in_brackets(tmp_path: Path) -> None:
    host = Host(tmp_path, bind="::1")
    host.vendors("cpu")
    assert "--publish=[::1]:8888:8888" in host.options()


def test_on_the_hosts_network_the_container_itself_listens_there(tmp_path: Path) -> None:
    host = Host(tmp_path, network="host", jupyter_port=9000)
    host.vendors("cpu")
    options = host.options()
    assert "--network=host" in options and not any(each.startswith("--publish") for each in options)
    assert {"--env=WORKBENCH_BIND=127.0.0.1", "--env=WORKBENCH_JUPYTER_PORT=9000"} <= set(options)


def test_an_nvidia_host_gets_its_gpus_by_cdi_where_the_engine_has_it(cpu: Host) -> None:
    cpu.vendors("nvidia")
    assert "--gpus=all" in cpu.options()
    assert "--device=nvidia.com/gpu=all" in cpu.options(CDI="yes")


def test_memory_is_the_hosts_or_as_much_as_the_inventory_says(tmp_path: Path, cpu: Host) -> None:
    assert "--ipc=host" in cpu.options()
    (tmp_path / "other").mkdir()
    own = Host(tmp_path / "other", shm_gb=16)
    own.vendors("cpu")
    assert "--shm-size=16000000000" in own.options() and "--ipc=host" not in own.options()


def test_docker_logs_shows_the_containers_log_and_keeps_it_small(cpu: Host) -> None:
    options = cpu.options()
    assert "--log-driver=local" in options
    assert {"--log-opt=max-size=10m", "--log-opt=max-file=3"} <= set(options)


def test_the_label_is_the_sum_of_the_files_in_the_manifests_order(cpu: Host) -> None:
    contents = [(cpu.root / file.path.lstrip("/")).read_bytes() for file in cpu.wanted.files]
    expected = hashlib.sha256(b"".join(contents)).hexdigest()
    assert f"--label=org.xpulab.configuration={expected}" in cpu.options()


def test_token_and_host_key_are_made_once_and_are_roots_alone(cpu: Host) -> None:
    cpu.options()
    secrets = [cpu.state / "etc" / name for name in ("token", "ssh_host_ed25519_key")]
    before = [each.read_bytes() for each in secrets]
    cpu.options()
    assert [each.read_bytes() for each in secrets] == before
    assert [oct(each.stat().st_mode)[-3:] for each in secrets] == ["600", "600"]
    assert len(before[0]) == 48
    assert not any(before[0].decode() in each for each in cpu.options())


def test_a_users_number_stays_when_others_come_and_go(tmp_path: Path, cpu: Host) -> None:
    users = cpu.root / "etc/xpulab/workbench/users"

    def numbers(*names: str) -> dict[str, str]:
        users.write_text("".join(f"{name} {public_key()}\n" for name in names))
        cpu.options()
        return dict(line.split() for line in (cpu.state / "etc/users").read_text().splitlines())

    assert numbers("anna", "ben") == {"anna": "20000", "ben": "20001"}
    assert numbers("ben") == {"ben": "20001"}
    assert numbers("carl", "anna") == {"carl": "20002", "anna": "20000"}


def test_every_key_of_a_user_is_there_and_a_former_users_is_not(cpu: Host) -> None:
    users = cpu.root / "etc/xpulab/workbench/users"
    users.write_text(f"anna {public_key()}\nben {public_key()}\nanna {public_key()} laptop\n")
    cpu.options()
    keys = cpu.state / "etc/authorized_keys"
    assert (keys / "anna").read_text() == f"{public_key()}\n{public_key()} laptop\n"
    users.write_text(f"anna {public_key()}\n")
    cpu.options()
    assert [each.name for each in keys.iterdir()] == ["anna"]


def test_a_port_in_use_is_told_before_anything_is_stopped(tmp_path: Path, cpu: Host) -> None:
    (tmp_path / "bin" / "ss").write_text(
        "#!/bin/sh\necho 'LISTEN 0 5 0.0.0.0:8888 0.0.0.0:* users:((\"python3\",pid=7,fd=3))'\n"
    )
    (tmp_path / "bin" / "ss").chmod(0o755)
    done = cpu.launch("check")
    assert done.returncode == 1
    assert 'port 8888 of 127.0.0.1 is in use (users:(("python3",pid=7,fd=3)))' in done.stderr
    assert "jupyter_port" in done.stderr


def test_too_little_space_is_told_with_both_numbers(tmp_path: Path, cpu: Host) -> None:
    for name, text in (("ss", ""), ("df", "echo header; echo 'x 1 1 5000 1 /'")):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = cpu.launch("check")
    assert done.returncode == 1
    assert "the users' files needs 1000 MB of free disk space" in done.stderr and "has 5 MB" in done.stderr


def test_what_it_runs_is_tried_with_no_capability_and_no_network(cpu: Host) -> None:
    assert cpu.launch("try").returncode == 0
    options = cpu.out.read_text().splitlines()
    assert options[-2:] == [cpu.wanted.image.by_digest, "true"]
    assert {"--cap-drop=ALL", "--network=none", "--pull=never"} <= set(options)
