"""Commands on a host, as root, through pyinfra; a broken connection is this host's failure alone."""

from __future__ import annotations

import logging
import os
import time
from traceback import extract_tb

from paramiko import SSHException
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS, pop_global_arguments
from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.host import Host
from pyinfra.connectors.util import CommandOutput, OutputLine
from pyinfra.context import ctx_state

from xpulab.desired.masking import masked
from xpulab.probing.observed import Observed
from xpulab.probing.probe import Probe
from xpulab.probing.records import ProbeError
from xpulab.probing.watched import Watched
from xpulab.schema import control_characters

PROBE_TIMEOUT_S = 120
SAY_NOTHING = ("E: Sub-process", "E: Download Failed", "E: Some index files failed")
FOLLOW_FROM_LISTS = ("has no installation candidate", "Unable to locate package", "was not found")
CONNECTION_ERRORS = (ConnectError, TimeoutError, OSError, SSHException, EOFError)


def probe(host: Host, watched: Watched) -> Observed | ProbeError:
    """The state of the host, as far as it is watched: one remote command."""
    done, output = _as_root(host, Probe().command(watched), PROBE_TIMEOUT_S)
    if done:
        return Probe().process(output.stdout_lines)
    hint = ""
    if any("sudo" in line or "password" in line for line in output.stderr_lines):
        hint = " (xpulab needs root: give the ssh user passwordless sudo, or run with --use-sudo-password)"
    return ProbeError(f"its probe failed: {last_words(output)}{hint}")


def run_script(
    host: Host, script: str, timeout: int, stdin: str = "", what: str = ""
) -> tuple[bool, CommandOutput]:
    """Run a POSIX sh script as root; `timeout` in seconds. Gives success and output.

    The script goes over standard input, so that what it writes stands in no process list and no log of
    sudo's, and may be of any length; the shell has read all of it before it runs the first line. `what` it
    does is its only argument, for whoever reads those. A script with a `stdin` of its own is an argument.
    """
    if stdin:
        return _as_root(host, StringCommand("sh", "-c", QuoteString(script)), timeout, stdin)
    command = StringCommand("sh", "-s", QuoteString(masked(what)))
    return _as_root(host, command, timeout, f"{{\n{script}\n}} </dev/null\n")


def is_this_machine(host: Host) -> bool:
    """Whether the host is the machine that this run itself runs on."""
    return bool(host.name == "@local")


def answers(host: Host) -> bool:
    """Whether the connection to the host still carries a command."""
    done, _ = run_script(host, ":", 30)
    return done


def wait_for_boot(host: Host, boot_id: str, timeout: int) -> bool:
    """Wait until the host answers from another boot than `boot_id`; False after `timeout` seconds."""
    logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)  # it logs every refused try in full
    deadline = time.monotonic() + timeout
    host.connector.data["ssh_connect_retries"] = 0  # this loop is the retrying
    while time.monotonic() < deadline:
        host.disconnect()
        time.sleep(1)
        try:
            host.connect(show_errors=False)
        except CONNECTION_ERRORS:
            continue
        if host.connected:
            observed = probe(host, Watched())
            if isinstance(observed, Observed) and observed.boot_id != boot_id:
                return True
    return False


def last_words(output: CommandOutput) -> str:
    """The line that says why: a full disk, apt's first error that says something, or else the last line.

    That there is no such package follows from lists that could not be fetched, where these are told of.
    """
    lines = [line.strip() for line in output.stderr_lines or output.stdout_lines if line.strip()]
    everything = [line.strip() for line in (*output.stderr_lines, *output.stdout_lines)]
    full = [line for line in everything if "No space left on device" in line]
    errors = [line for line in lines if line.startswith("E: ")]
    telling = [line for line in errors if not line.startswith(SAY_NOTHING)]
    follows = bool(telling) and any(words in telling[0] for words in FOLLOW_FROM_LISTS)
    fetching = [line for line in lines if follows and line.startswith("W: ") and "ailed to fetch" in line]
    return next(iter((*full, *fetching, *telling, *errors)), (lines or ["no word of why"])[-1])


def without_control_characters(output: CommandOutput) -> CommandOutput:
    """The same lines with a `?` for each character that would act on the operator's terminal when shown."""
    return CommandOutput(
        [OutputLine(each.buffer_name, control_characters.replaced(each.line)) for each in output]
    )


def _as_root(host: Host, command: StringCommand, timeout: int, stdin: str = "") -> tuple[bool, CommandOutput]:
    state = ctx_state.get()
    already_root = host.data.get("ssh_user") == "root" or (is_this_machine(host) and os.geteuid() == 0)
    wanted = {"_sudo": not already_root, "_timeout": timeout, **({"_stdin": stdin} if stdin else {})}
    arguments, _ = pop_global_arguments(state, host, wanted)
    try:
        done, output = host.run_shell_command(
            command,
            print_output=state.print_output,
            print_input=state.print_input,
            **{key: value for key, value in arguments.items() if key in CONNECTOR_ARGUMENT_KEYS},
        )
        return done, without_control_characters(output)
    except CONNECTION_ERRORS as error:
        why = f"lost the connection to the host ({str(error) or type(error).__name__})"
        if any(frame.filename.endswith("getpass.py") for frame in extract_tb(error.__traceback__)):
            why = "sudo asks for a password, and there is no terminal to ask for it at"
        return False, CommandOutput([OutputLine("stderr", why)])
