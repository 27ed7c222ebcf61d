"""This machine, as the probe finds it: for the answer where xpulab itself runs."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import replace

import distro

from xpulab.probing.observed import Observed
from xpulab.probing.records import ProbeError, parse
from xpulab.probing.script import probe_script
from xpulab.probing.watched import Watched

PATIENCE_S = 60  # a container engine that hangs would hold the probe for ever


class HereError(Exception):
    """This machine could not be looked at; the message says why."""


def machine(script: str | None = None) -> Observed:
    """What the probe's script sees here, as the present user: root is not needed for what the resolver asks.

    The system is told by the package distro, which knows those without /etc/os-release too; outside Linux it
    is all there is to know. Raises HereError where the script cannot run or its answer makes no sense.
    """
    here = os.uname()
    if platform.system() != "Linux":
        return Observed(distro.id(), distro.version(), here.machine, here.release)
    try:
        done = subprocess.run(
            ["sh", "-c", script or probe_script(Watched())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
        )
        observed = parse(done.stdout.splitlines())
    except (OSError, subprocess.TimeoutExpired, ProbeError) as error:
        raise HereError(str(error)) from error
    return replace(observed, os_id=distro.id(), os_version=distro.version())
