"""What is not shown of a text: values that are secret by their name or by their looks. Pure.

The rule is plain, so that one can tell beforehand what it hides. In a line is masked: what follows `:` or
`=` after a name that speaks of a password, secret, token, credential, private or API key, and what follows
such an option (`--token abc`); the user part of a URL; a token of a well-known form. Of a private key in PEM,
all lines are.
It sees line by line: a secret under a harmless name is for `File(secret=True)`, of which nothing is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "********"
SECRET_NAME = (
    r"(?:pass(?:word|wd|phrase)|\bpass\b|secret|token|credential|(?:api|access|private|auth|signing)[-_.]?key|"
    r"\bauth\b|authorization|cookie)"
)
_NAME = re.compile(SECRET_NAME, re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?P<kept>{SECRET_NAME}[\w.-]*[\"']?\s*[:=]\s*)\S.*", re.IGNORECASE)
_OPTION = re.compile(rf"(?P<kept>--?[\w-]*{SECRET_NAME}[\w-]*\s+)\S+", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://)[^/\s@\"']+(?=@)", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?P<kept>\b)(?:(?:gh[pousr]_|github_pat_|glpat-|hf_|nvapi-|dckr_pat_|sk-|xox[abpr]-)[\w-]{12,}"
    r"|AKIA[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+)"
)
_BEGIN, _END = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"), re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")


def masked(words: str) -> str:
    """Words without the users of URLs and without tokens: for what is no setting with a name."""
    for pattern in (_USER_OF_URL, _TOKEN):
        words = pattern.sub(rf"\g<kept>{MASK}", words)
    return words


def masked_value(name: str, value: str) -> str:
    """The value of a setting, masked as a whole where its name speaks of a secret."""
    return MASK if speaks_of_a_secret(name) else masked(value)


def speaks_of_a_secret(name: str) -> bool:
    """Whether what stands under this name is masked, whatever it is."""
    return bool(_NAME.search(name))


def masked_lines(lines: Iterable[str]) -> list[str]:
    """The lines of a text, each as it may be shown: as many as before."""
    shown, in_key = [], False
    for line in lines:
        begins = bool(_BEGIN.search(line))
        in_key = in_key or begins
        shown.append(MASK if in_key else _masked_line(line))
        in_key = in_key and not _END.search(line)
    return shown


def _masked_line(line: str) -> str:
    for pattern in (_ASSIGNED, _OPTION):
        line = pattern.sub(rf"\g<kept>{MASK}", line)
    return masked(line)
