"""The main job left nothing behind and disturbed nothing."""

from __future__ import annotations

import re

from .provisioned_host import ProvisionedHost
from .vendor_packages import accelerator_stack


def test_system_is_up(provisioned_host: ProvisionedHost) -> None:
    state = provisioned_host.run("timeout 60 systemctl is-system-running --wait").stdout.strip()
    assert state in ("running", "degraded"), (
        f"{provisioned_host}: systemd says {state}; see `systemctl list-jobs`"
    )


def test_no_unit_has_failed(provisioned_host: ProvisionedHost) -> None:
    failed = provisioned_host.output("systemctl list-units --state=failed --plain --no-legend --no-pager")
    assert not failed, f"{provisioned_host}: failed units, see `systemctl status UNIT`:\n{failed}"


def test_apt_knows_where_to_get_the_stack(provisioned_host: ProvisionedHost) -> None:
    unknown = [
        name
        for name in accelerator_stack(provisioned_host.packages)
        if not provisioned_host.publishers(name, provisioned_host.policies[name].candidate)
    ]
    assert not unknown, (
        f"{provisioned_host}: no source offers {unknown} any more; `apt-get update`, check the sources"
    )


def test_upgrade_keeps_nothing_of_the_stack_back(provisioned_host: ProvisionedHost) -> None:
    plan = provisioned_host.output("LC_ALL=C apt-get -s -o Debug::NoLocking=true upgrade")
    section = re.search(r"^The following packages have been kept back:\n((?: .*\n)+)", plan, re.MULTILINE)
    held_by_choice = {name for name, package in provisioned_host.packages.items() if package.want == "hold"}
    kept = set(section[1].split() if section else ()) & set(accelerator_stack(provisioned_host.packages))
    assert kept <= held_by_choice, (
        f"{provisioned_host}: an upgrade would keep back {sorted(kept - held_by_choice)}: "
        "their new versions do not fit together; see `apt-get -s dist-upgrade`"
    )


def test_no_temporary_file_is_left(provisioned_host: ProvisionedHost) -> None:
    left = provisioned_host.output(
        "find /tmp /var/tmp -maxdepth 1 '(' -name 'xpulab*' -o -name 'pyinfra-*' ')'", as_root=True
    )
    assert not left, f"{provisioned_host}: left behind by an interrupted run, remove them:\n{left}"
