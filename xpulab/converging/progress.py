"""What each host is doing now: at the foot of a terminal, else line by line.

pyinfra's own progress says which hosts have yet to end an operation. As all of a host's work is one
operation, it would name the same hosts for an hour. So while that runs, a block of lines stands in its place,
one a host, drawn anew in place. pyinfra's spinner is kept quiet by its own switch (PYINFRA_PROGRESS=off);
set by the user, that brings line by line here too, and so does whatever is no terminal. Under --serial and
--no-wait pyinfra tells nobody that an operation starts: its spinner stays, beside lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any

import gevent
from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

SWITCH = "PYINFRA_PROGRESS"
REDRAW_S = 0.2
LEAST_ROWS = 4
CLEAR_BELOW, CLEAR_LINE = "\033[J", "\033[K"


@dataclass(frozen=True)
class Doing:
    """What a host is doing, and since when by the monotonic clock."""

    words: str
    since: float


def block(now: Mapping[str, Doing], done: int, clock: float, rows: int, columns: int) -> list[str]:
    """The lines for a terminal of that size: how many hosts are done, and what each of the others is doing.

    Where there are too many, those that are at it for longest have their lines, and of the others the last
    line says how many do what.
    """
    total = done + len(now)
    room = max(rows - 2, LEAST_ROWS) - 2
    by_age = sorted(now, key=lambda name: now[name].since)
    shown = sorted(by_age if len(now) <= room + 1 else by_age[:room])
    width = max(map(len, shown), default=0)
    lines = [f"    {100 * done // total if total else 100}% ({done}/{total})"]
    lines += [f"    {name:<{width}}  {now[name].words}  {clock - now[name].since:.0f} s" for name in shown]
    others = Counter(now[name].words for name in by_age if name not in shown)
    if others:
        said = ", ".join(f"{words} ({count})" for words, count in others.most_common())
        lines.append(f"    and {others.total()} more: {said}")
    return [line if len(line) < columns else f"{line[: columns - 2]}…" for line in lines]


class Block(BaseStateCallback):
    """The block of a run: pyinfra tells it when an operation and each of its hosts begin and end."""

    def __init__(self, is_ours: Any, with_lines: bool) -> None:
        """`is_ours` tells of an operation's hash whether it is one that the block is for."""
        self.is_ours = is_ours
        self.with_lines = with_lines
        self.at_work: dict[str, Doing] = {}
        self.done = 0
        self._drawing: gevent.Greenlet[[], None] | None = None
        self._switch: str | None = None
        self._operation = ""

    @property
    def is_up(self) -> bool:
        """Whether an operation of ours is running."""
        return self._drawing is not None

    def operation_start(self, state: State, op_hash: str) -> None:  # type: ignore[override]
        """Take the spinner's place."""
        if not self.is_ours(state, op_hash):
            return
        if isinstance(sys.stderr, TextIOWrapper):  # under PYTHONUNBUFFERED nothing would stay in the buffer
            sys.stderr.reconfigure(line_buffering=True, write_through=False)
        self._operation, self._switch = op_hash, os.environ.get(SWITCH)
        os.environ[SWITCH] = "off"
        self.done = 0
        self._drawing = gevent.spawn(self._draw)

    def operation_host_start(self, state: State, host: Host, op_hash: str) -> None:  # type: ignore[override]
        """A host begins: pyinfra says it of those that have nothing to do, too."""
        if self.is_up and op_hash == self._operation and op_hash in state.ops[host]:
            self.doing(host.name, "begins")

    def operation_host_success(self, _: State, host: Host, op_hash: str, *__: int) -> None:  # type: ignore[override]
        """A host is through."""
        self._end(host, op_hash)

    def operation_host_error(self, _: State, host: Host, op_hash: str, *__: int) -> None:  # type: ignore[override]
        """A host has failed."""
        self._end(host, op_hash)

    def operation_end(self, state: State, op_hash: str) -> None:  # type: ignore[override]
        """Give the place back."""
        if op_hash == self._operation:
            self.take_down()

    def doing(self, host: str, words: str) -> None:
        """What a host does from now on."""
        self.at_work[host] = Doing(words, time.monotonic())

    def take_down(self) -> None:
        """Draw no more; also at the end of a run that was interrupted."""
        if self._drawing is None:
            return
        self._drawing.kill()
        self._drawing = None
        self.at_work.clear()
        sys.stderr.write(CLEAR_BELOW)
        sys.stderr.flush()
        os.environ.pop(SWITCH)
        if self._switch is not None:
            os.environ[SWITCH] = self._switch

    def _end(self, host: Host, op_hash: str) -> None:
        if op_hash == self._operation and host.name in self.at_work:
            del self.at_work[host.name]
            self.done += 1

    def _draw(self) -> None:
        """Nothing is drawn while no host is at work: pyinfra may be asking whether to go on."""
        while True:
            if self.at_work:
                columns, rows = os.get_terminal_size(sys.stderr.fileno())
                lines = block(self.at_work, self.done, time.monotonic(), rows or 24, columns or 80)
                sys.stderr.write("\n".join(f"{line}{CLEAR_LINE}" for line in lines))
                sys.stderr.write(f"\r\033[{len(lines) - 1}A" if len(lines) > 1 else "\r")
                sys.stderr.flush()
                # Left in the buffer, as pyinfra's spinner does: what is printed next clears the block first.
                sys.stderr.write(CLEAR_BELOW)
            gevent.sleep(REDRAW_S)


_block: Block | None = None


def begin(state: State, is_ours: Any, verbosity: int) -> None:
    """Have a block for the operations that `is_ours` names, where there is a terminal to draw it on."""
    global _block
    on_terminal = sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get(SWITCH) != "off"
    if _block is None and on_terminal:
        _block = Block(is_ours, with_lines=verbosity > 0)
        state.add_callback_handler(_block)


def end() -> None:
    """The run is over."""
    if _block:
        _block.take_down()


def doing(host: Host, what: str) -> None:
    """A host begins a step."""
    if not _stands_in(host, what):
        logger.info(f"{host.print_prefix}{what} …")


def did(host: Host, what: str) -> None:
    """A host has ended a step: a line, where the block does not speak in its place."""
    if not (_block and _block.is_up and not _block.with_lines):
        logger.info(f"{host.print_prefix}{what}")


def waits(host: Host, what: str) -> None:
    """A host does what is no step, and has never had a line."""
    _stands_in(host, what)


def _stands_in(host: Host, what: str) -> bool:
    """Show it in the block; False where there is none, or lines are wanted beside it."""
    if not (_block and _block.is_up):
        return False
    _block.doing(host.name, what)
    return not _block.with_lines
