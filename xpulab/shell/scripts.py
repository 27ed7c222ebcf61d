"""The shell that steps are made of: POSIX sh, run as root, every value quoted."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath
from shlex import quote


def script(lines: Iterable[str]) -> str:
    """One script that ends at its first error; what it makes can be read by all, whatever root's umask is."""
    return "\n".join(["set -eu", "umask 022", *lines])


@cache
def snippet(name: str) -> str:
    """A piece of shell from xpulab/shell, without its comments."""
    text = (Path(__file__).parent / f"{name}.sh").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line.strip() and line.strip()[0] != "#")


def write_bytes(path_on_host: str, content: bytes, mode: str = "0644") -> str:
    """Shell that puts a file in place in one rename, so that nobody ever reads half of it, nor before its
    mode is right."""
    path, fresh = quote(path_on_host), quote(path_on_host + ".dpkg-tmp")
    return "\n".join(
        [
            f"mkdir -p {quote(str(PurePosixPath(path_on_host).parent))}",
            f"({_decoded(content)} > {fresh})",
            f"chown root:root {fresh}",
            f"chmod {quote(mode)} {fresh}",
            f"mv -f {fresh} {path}",
        ]
    )


def rewrite(path_on_host: str, content: bytes) -> str:
    """Shell that puts new content into a file of somebody else's: through a link, and with the mode and owner
    that it has."""
    return "\n".join(
        [
            f"path={quote(path_on_host)}",
            'if [ -e "$path" ]; then path=$(readlink -f "$path"); else mkdir -p "$(dirname "$path")"; fi',
            f'({_decoded(content)} > "$path.dpkg-tmp")',
            'if [ -e "$path" ]; then',
            'chown --reference="$path" "$path.dpkg-tmp"; chmod --reference="$path" "$path.dpkg-tmp"',
            'else chmod 0644 "$path.dpkg-tmp"; fi',
            'mv -f "$path.dpkg-tmp" "$path"',
        ]
    )


def _decoded(content: bytes) -> str:
    return f"umask 077; printf %s {base64.b64encode(content).decode()} | base64 -d"


def disable_source(path: str, uri: str, suite: str) -> str:
    """Shell that takes one suite of an apt source out of use; what else its file says stays in force."""
    if path.endswith(".sources"):
        return "\n".join(
            [f"path={quote(path)} uri={quote(uri)} suite={quote(suite)}", snippet("disable_deb822")]
        )
    blank = "[[:space:]]"
    named = rf"{_plain(uri)}{blank}\{{1,\}}{_plain(suite)}"
    line = rf"^{blank}*deb\(-src\)\{{0,1\}}{blank}\(.*{blank}\)\{{0,1\}}{named}"
    comment_out = rf"\#{line}\({blank}.*\)\{{0,1\}}$#s/^/# disabled by xpulab: /"
    return f"sed -i {quote(comment_out)} {quote(path)}"


def _plain(text: str) -> str:
    """The text in a regular expression of sed's between hashes."""
    return re.sub(r"([\\.*\[\]^$#])", r"\\\1", text)
