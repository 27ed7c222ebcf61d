"""The container engine runs, survives a reboot, and knows the accelerators; the lab user may use both."""

from __future__ import annotations

import json

import pytest
import yaml

from .provisioned_host import ProvisionedHost

CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")


@pytest.mark.parametrize(("question", "answer"), [("is-enabled", "enabled"), ("is-active", "active")])
def test_engine_is_running_and_starts_at_boot(
    provisioned_host: ProvisionedHost, question: str, answer: str
) -> None:
    found = provisioned_host.run("systemctl %s docker.service", question).stdout.strip()
    assert found == answer, (
        f"{provisioned_host}: docker.service is {found or 'unknown'}, not {answer}; "
        "`systemctl enable --now docker`, then `journalctl -u docker`"
    )


def test_engine_answers(provisioned_host: ProvisionedHost) -> None:
    answer = provisioned_host.run("docker version --format '{{.Server.Version}}'", as_root=True)
    answered = answer.rc == 0 and answer.stdout.strip()
    assert answered, (
        f"{provisioned_host}: docker does not answer: {answer.stderr.strip()}; run the main job again"
    )


def test_daemon_json_is_valid(provisioned_host: ProvisionedHost) -> None:
    path = "/etc/docker/daemon.json"
    content = provisioned_host.output("cat %s 2>/dev/null || echo '{}'", path, as_root=True)
    try:
        settings = json.loads(content)
    except ValueError as error:
        pytest.fail(f"{provisioned_host}: {path} is not valid JSON, docker will not start again: {error}")
    assert isinstance(settings, dict), f"{provisioned_host}: {path} is not a JSON object"


def test_lab_user_may_use_the_engine(provisioned_host: ProvisionedHost) -> None:
    _assert_member(provisioned_host, "docker")


@pytest.mark.parametrize("group", ["render", "video"])
def test_lab_user_may_use_the_intel_accelerator(intel_host: ProvisionedHost, group: str) -> None:
    _assert_member(intel_host, group)


def _assert_member(host: ProvisionedHost, group: str) -> None:
    groups = host.output("id -nG %s", host.user).split()
    assert host.user == "root" or group in groups, (
        f"{host}: {host.user} is not in group {group}; `usermod -aG {group} {host.user}` and log in again"
    )


def test_nvidia_runtime_is_registered(nvidia_host: ProvisionedHost) -> None:
    runtimes = sorted(nvidia_host.engine.get("Runtimes") or {})
    assert "nvidia" in runtimes, (
        f"{nvidia_host}: the running docker knows only the runtimes {runtimes}; "
        "run the main job again, or restart docker if daemon.json names nvidia already"
    )


def test_cdi_specification_follows_the_driver(nvidia_host: ProvisionedHost) -> None:
    found = nvidia_host.run("systemctl is-enabled nvidia-cdi-refresh.path").stdout.strip()
    assert found == "enabled", (
        f"{nvidia_host}: nvidia-cdi-refresh.path is {found or 'unknown'}; "
        "the CDI specification will go stale, "
        "`systemctl enable --now nvidia-cdi-refresh.path`"
    )


def test_cdi_specification_names_every_nvidia_gpu(nvidia_host: ProvisionedHost) -> None:
    names = _cdi_devices(nvidia_host, "nvidia.com/gpu")
    # A MIG slice is named GPU:SLICE.
    gpus = {name.partition(":")[0] for name in names if name.partition(":")[0].isdigit()}
    wanted = {str(number) for number in range(len(nvidia_host.nvidia_gpus))}
    assert "all" in names and gpus >= wanted, (
        f"{nvidia_host}: CDI names {sorted(names) or 'no NVIDIA device'}, "
        f"wanted are all and {sorted(wanted)}; `systemctl restart nvidia-cdi-refresh`"
    )


def _cdi_devices(host: ProvisionedHost, kind: str) -> set[str]:
    found = host.output(
        "find %s %s -name '*.yaml' -o -name '*.yml' -o -name '*.json' 2>/dev/null || true",
        *CDI_FOLDERS,
        as_root=True,
    )
    names: set[str] = set()
    for path in found.splitlines():
        # JSON is YAML too.
        specification = yaml.safe_load(host.output("cat %s", path, as_root=True))
        if specification.get("kind") == kind:
            names |= {str(device["name"]) for device in specification["devices"]}
    return names
