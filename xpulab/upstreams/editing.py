"""Edits of the catalog's text, to the character: comments, quotes and layout of all else stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import yaml

from xpulab.catalog.claims import Place

Keys = Sequence[str | int]
DATE = "as_of"


class CannotEdit(Exception):
    """The text has no place where the edit could be made; the message says why."""


@dataclass(frozen=True)
class SetValue:
    """A scalar: replaced where it stands, else written into its mapping behind `after`."""

    place: Place
    value: str
    after: str = DATE

    def on(self, text: str) -> str:
        """The text with the value. Raises CannotEdit."""
        return set_value(text, self.place.keys, self.value, self.after)


@dataclass(frozen=True)
class Append:
    """One more item at the end of a list that is written as `[a, b]`."""

    place: Place
    item: str

    def on(self, text: str) -> str:
        """The text with the item. Raises CannotEdit."""
        node = _node(text, self.place.keys)
        if not (isinstance(node, yaml.SequenceNode) and node.flow_style and node.value):
            raise CannotEdit(f"{self.place} is no list in brackets")
        end = node.value[-1].end_mark.index
        return f"{text[:end]}, {scalar(self.item)}{text[end:]}"


@dataclass(frozen=True)
class CopyLine:
    """An item of a list that fills one line, once more behind it with some of its values changed."""

    place: Place
    changes: Mapping[str, str] = field(default_factory=dict)

    def on(self, text: str) -> str:
        """The text with the new line. Raises CannotEdit."""
        node = _node(text, self.place.keys)
        start, end = text.rfind("\n", 0, node.start_mark.index) + 1, _end_of_line(text, node.end_mark.index)
        if text.count("\n", start, end):
            raise CannotEdit(f"{self.place} fills more than one line")
        changed = text
        for key, value in self.changes.items():
            changed = set_value(changed, [*self.place.keys, key], value)
        return f"{text[:end]}\n{changed[start : _end_of_line(changed, start)]}{text[end:]}"


Edit = SetValue | Append | CopyLine


def edited(text: str, edits: Sequence[Edit], today: str) -> str:
    """The text with all the edits, and with today as the date of each entry they touch. Raises CannotEdit."""
    for edit in edits:
        text = edit.on(text)
    for keys in dict.fromkeys(edit.place.keys for edit in edits):
        text = _dated(text, keys, today)
    return text


def set_value(text: str, keys: Keys, value: str, after: str = DATE) -> str:
    """The text with a scalar at these keys, replaced or written behind its neighbour. Raises CannotEdit."""
    mapping = _mapping(text, keys[:-1])
    for key, node in mapping.value:
        if key.value == keys[-1]:
            if not _written_here(text, node, key):
                raise CannotEdit(f"{_words(keys)} is no plain value of its own")
            return text[: node.start_mark.index] + scalar(value) + text[node.end_mark.index :]
    pair = f"{keys[-1]}: {scalar(value)}"
    if mapping.flow_style:
        end = len(text[: mapping.end_mark.index - 1].rstrip())
        return f"{text[:end]}, {pair}{text[end:]}"
    neighbours = {key.value: (key, node) for key, node in mapping.value if _written_here(text, node, key)}
    if not neighbours:
        raise CannotEdit(f"{_words(keys[:-1])} has no line to write {keys[-1]} behind")
    key, node = neighbours.get(after) or neighbours.get(DATE) or next(iter(neighbours.values()))
    end = _end_of_line(text, node.end_mark.index)
    return f"{text[:end]}\n{' ' * key.start_mark.column}{pair}{text[end:]}"


def scalar(value: str) -> str:
    """A value as YAML: in quotes where it would be read as another type, or as more than a word."""
    read = yaml.safe_load(value)
    plain = (read == value and not set(value) & set(",[]{}")) or isinstance(read, (bool, date))
    return value if plain else f'"{value}"'


def _dated(text: str, keys: Keys, today: str) -> str:
    """The text with another date of the innermost entry around these keys."""
    for depth in range(len(keys) - 1, 0, -1):
        node = _node(text, keys[:depth])
        if isinstance(node, yaml.MappingNode) and _has_date(node):
            return set_value(text, [*keys[:depth], DATE], today, after="source")
    raise CannotEdit(f"{_words(keys)} is part of no entry with {DATE}")


def _has_date(mapping: yaml.MappingNode) -> bool:
    """Whether it says its date itself, or takes it over from another by `<<`."""
    merged = [node for key, node in mapping.value if key.tag.endswith(":merge")]
    return any(
        key.value == DATE
        for each in (mapping, *merged)
        if isinstance(each, yaml.MappingNode)
        for key, _ in each.value
    )


def _mapping(text: str, keys: Keys) -> yaml.MappingNode:
    node = _node(text, keys)
    if not isinstance(node, yaml.MappingNode):
        raise CannotEdit(f"{_words(keys)} is no mapping")
    return node


def _node(text: str, keys: Keys) -> yaml.Node:
    # Not the loader in C: its marks count bytes, these count characters.
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        found = None
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = node.value[key]
        elif isinstance(node, yaml.MappingNode):
            found = next((value for name, value in node.value if name.value == key), None)
        if found is None:
            raise CannotEdit(f"{_words(keys)} is not written there")
        node = found
    if node is None:
        raise CannotEdit("the file is empty")
    return node


def _written_here(text: str, node: yaml.Node, key: yaml.Node) -> bool:
    """Whether a value is a scalar of its own, in one line: no alias of another, none that others refer to."""
    behind = node.start_mark.index > key.end_mark.index and node.start_mark.line == key.end_mark.line
    on_one_line = node.start_mark.line == node.end_mark.line
    return isinstance(node, yaml.ScalarNode) and behind and on_one_line and text[node.start_mark.index] != "&"


def _end_of_line(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _words(keys: Keys) -> str:
    return " > ".join(str(key) for key in keys) or "the file"
