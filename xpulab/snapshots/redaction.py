"""What of a look at a host goes into a snapshot: no secret, no user's name, no serial number. Pure.

It works on plain JSON data, so that a new field of a look needs no edit here: all strings lose what is secret
by its looks, and the homes of users. What else identifies people or opens doors stands in fields that are
named below.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from xpulab.desired.kinds.file import is_for_everybody
from xpulab.desired.masking import MASK, masked_lines, speaks_of_a_secret
from xpulab.inventory.settings import HostSettings
from xpulab.probing.observed import Observed
from xpulab.probing.watched import Watched
from xpulab.snapshots.people import People, homes_in, names_in, people
from xpulab.snapshots.snapshot import LeftOut

STAND_IN = "# What is no JSON is left out, but for lines such as no-cgroups = false.\n"
"""Begins what stands for a text that is no JSON: it is none either, so nothing is merged into it."""
_ALWAYS_MASKED = re.compile(
    r"auths|serial|uuid|machine[-_.]?id|asset[-_.]?tag|mac[-_.]?address|e-?mail", re.I
)
_PLAIN = re.compile(
    r"[+-]?\d{1,7}(\.\d{1,7})?|yes|no|true|false|on|off|enabled|disabled|active|inactive|none"
)
_OPTION = re.compile(rf"[ \t]*(?P<key>[\w.-]+)[ \t]*=[ \t]*(?:{_PLAIN.pattern})[ \t]*")
_SSH_KEY = re.compile(
    r"(?:sk-)?(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp\d+)(?:@openssh\.com)? +AAAA[A-Za-z0-9+/=]+[^\n]*"
)
_QUERY = re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s?\"']*\?)[^\s\"']+", re.IGNORECASE)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"']+", re.IGNORECASE)
_TOKEN_IN_PATH = re.compile(r"(?<=/)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}(?=/|$)")


@dataclass(frozen=True)
class Redacted:
    """A look as it may be shown, as JSON data, with what was left out of it and how else to say its words."""

    observed: dict[str, Any]
    watched: dict[str, Any]
    settings: dict[str, Any]
    left_out: tuple[LeftOut, ...]
    people: People

    def words(self, words: str) -> str:
        """Words about the host as they may be shown."""
        return self.people.text(without_secrets(words))


def redacted(
    observed: Observed,
    watched: Watched,
    settings: HostSettings,
    known_facts: Collection[str],
    is_valid: Callable[[Mapping[str, Any]], bool],
) -> Redacted:
    """What may be shown of a look.

    The text of `known_facts` is kept but for secrets; of others only numbers and words that say yes or no.
    `is_valid` says of a host's settings, as an inventory has them, whether they can be read.
    """
    data = TypeAdapter(Observed).dump_python(observed, mode="json")
    asked = TypeAdapter(Watched).dump_python(watched, mode="json")
    said = settings.model_dump(mode="json", exclude_unset=True)
    everybody = people(_names(data, asked, said))
    left_out: list[LeftOut] = []
    settings_shown = _settings(said, everybody, is_valid, left_out)
    seen = _observed(data, everybody, known_facts, left_out)
    looked_at = _watched(asked, everybody, seen)
    return Redacted(seen, looked_at, settings_shown, tuple(left_out), everybody)


def _names(observed: dict[str, Any], watched: dict[str, Any], said: dict[str, Any]) -> Iterator[str]:
    yield from said.get("users", ())
    found = [
        *_strings(observed["users"]),
        *(name for group in observed["groups"].values() for name in group["members"]),
        *(file["owner"].partition(":")[0] for file in observed["files"].values()),
        *watched["users"],
        *names_in({key: value for key, value in said.items() if key not in HostSettings.model_fields}),
        *(name for text in observed["contents"].values() for name in names_in(_parsed(text))),
        *(name for text in _strings([observed, watched]) for name in homes_in(text)),
    ]
    yield from sorted(found)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, str):
        yield value


def _observed(
    data: dict[str, Any], everybody: People, known_facts: Collection[str], left_out: list[LeftOut]
) -> dict[str, Any]:
    contents, facts = data["contents"], data["facts"]
    data = _each_string(
        {**data, "contents": {}, "facts": {}}, lambda text: everybody.homes(without_secrets(text))
    )
    data["boot_id"] = ""
    data["users"] = _each_string(data["users"], everybody.name)
    for group in data["groups"].values():
        group["members"] = sorted(map(everybody.name, group["members"]))
    for path, file in data["files"].items():
        file["owner"] = everybody.owner(file["owner"])
        if not is_for_everybody(file["mode"]):  # a short secret can be guessed by its sum
            file["sha256"] = "0" * 64
            left_out.append(LeftOut(what=f"sum of {path}", why="not everybody may read the file"))
    for field in ("images", "apt_lock"):
        data[field] = _each_string(data[field], everybody.text)
    for container in data["containers"].values():
        container["image"] = everybody.text(container["image"])
    for path, text in contents.items():
        shown, why = _content(text, everybody)
        data["contents"][everybody.homes(path)] = shown
        if why:
            left_out.append(LeftOut(what=f"text of {everybody.homes(path)}", why=why))
    for name, text in facts.items():
        is_plain = not text.strip() or (_PLAIN.fullmatch(text.strip()) and not _is_masked(name))
        if name in known_facts or is_plain:
            data["facts"][name] = everybody.text(without_secrets(text))
        else:
            left_out.append(LeftOut(what=f"fact {name}", why="it may tell anything"))
    return data


def _watched(asked: dict[str, Any], everybody: People, observed: dict[str, Any]) -> dict[str, Any]:
    """Without facts that were left out, so that they do not look absent, and without the others' shell."""
    left_out = {name for name in asked["facts"] if name not in observed["facts"]}
    shown: dict[str, Any] = _each_string({**asked, "facts": {}}, everybody.homes)
    shown["users"] = [everybody.name(name) for name in asked["users"]]
    shown["facts"] = {name: "" for name in asked["facts"] if name not in left_out}
    return shown


def _settings(
    said: dict[str, Any],
    everybody: People,
    is_valid: Callable[[Mapping[str, Any]], bool],
    left_out: list[LeftOut],
) -> dict[str, Any]:
    """The settings with the substitutes of users; what cannot be said without a secret is not said."""
    shown = {key: value for key, value in said.items() if key in ("name_in_lab", "policy")}
    if "users" in said:
        shown["users"] = [everybody.name(name) for name in said["users"]]
    for key in ("repositories", "images"):
        entries = said.get(key) or {}
        kept = {name: each for name, each in entries.items() if each == _each_string(each, without_secrets)}
        shown.update({key: kept} if kept else {})
        left_out += [
            LeftOut(what=f"{key}.{name} of its inventory", why="it holds a secret")
            for name in entries
            if name not in kept
        ]
    for key, section in said.items():
        if key in HostSettings.model_fields or section is None:
            continue
        value = _json(section, everybody)
        if is_valid({**shown, key: value}):
            shown[key] = value
        else:
            left_out.append(
                LeftOut(what=f"{key} of its inventory", why="it cannot be read without its secrets")
            )
    return shown


def _content(text: str, everybody: People) -> tuple[str, str]:
    """A file's text as it may be shown, and what of it is not."""
    if not text.strip():
        return "", ""
    try:
        found = None if "\ufffd" in text else json.loads(text)
        if isinstance(found, (dict, list)):
            shown = json.dumps(_json(found, everybody), ensure_ascii=False)
            return shown, "values that may be secret are masked" if MASK in shown else ""
    except (ValueError, RecursionError):
        pass
    return STAND_IN + "".join(f"{line}\n" for line in text.splitlines() if _is_plain(line)), "it is no JSON"


def _is_plain(line: str) -> bool:
    """Whether a line gives a number, or a yes or no, to a key that does not speak of a secret."""
    found = _OPTION.fullmatch(line)
    return found is not None and not _is_masked(found["key"])


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(value: Any, everybody: People, key: str = "") -> Any:
    """JSON data of somebody's without secrets and names; what stands under a secret name goes as a whole."""
    if _is_masked(key) and not (value is None or isinstance(value, bool) or value == ""):
        return MASK
    if isinstance(value, dict):
        return {
            everybody.text(without_secrets(name)): _json(each, everybody, name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_json(each, everybody, key) for each in value]
    return everybody.text(without_secrets(value)) if isinstance(value, str) else value


def _is_masked(name: str) -> bool:
    return speaks_of_a_secret(name) or bool(_ALWAYS_MASKED.search(name))


def _each_string(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(name): _each_string(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [_each_string(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


@lru_cache(maxsize=16384)  # the hosts of a lab have most of their strings in common
def without_secrets(text: str) -> str:
    """A text without what is secret by its looks, and without public keys, which tell whose they are."""
    text = _SSH_KEY.sub(_NOBODYS_KEY, text)
    text = _QUERY.sub(rf"\g<kept>{MASK}", text)
    text = _URL.sub(lambda url: _TOKEN_IN_PATH.sub(MASK, url[0]), text)
    return "\n".join(masked_lines(text.split("\n")))


def _nobodys_key() -> str:
    """A public key that is well formed and that nobody has: the schema takes it in place of a real one."""
    fields = (b"ssh-ed25519", bytes(32))
    whole = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return f"ssh-ed25519 {b64encode(whole).decode()}"


_NOBODYS_KEY = _nobodys_key()
