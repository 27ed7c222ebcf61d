"""What a run with --diff shows: of each file that is to change, the text found against that wanted. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from shlex import quote

from xpulab.desired.kinds.file import is_for_everybody
from xpulab.desired.masking import masked_lines
from xpulab.desired.thing import Difference, NewText
from xpulab.shell.scripts import script, snippet

MOST_BYTES = 64 * 1024
MOST_BYTES_OF_ALL = 256 * 1024
CONTEXT_LINES = 3
END = "end"
NO_NEWLINE = "\n\\ No newline at end of file"
CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


@dataclass(frozen=True)
class FoundText:
    """A file as it was found; `text` is None where it is too large or not for everybody to read."""

    mode: str
    size: int
    lines: int
    text: bytes | None


def rewrites(drift: Iterable[Difference]) -> tuple[NewText, ...]:
    """The files that putting these differences right writes or removes, each once."""
    return tuple(dict.fromkeys(text for each in drift for text in each.rewrites))


def read_script(texts: Sequence[NewText]) -> str:
    """The script that prints what these files hold now. What is secret does not leave the host."""
    words = [word for each in texts for word in ("secret" if each.is_secret else "shown", quote(each.path))]
    limits = f"most={MOST_BYTES} left={MOST_BYTES_OF_ALL}"
    return script([f"set -- {' '.join(words)}", limits, snippet("read_files"), f"echo {END}"])


def file_diffs(texts: Sequence[NewText], answer: Iterable[str]) -> tuple[str, ...]:
    """A unified diff of each file whose text changes, or words where it cannot or must not be shown.

    `answer` is what `read_script` printed for the same files.
    """
    lines = list(answer)
    if lines[-1:] != [END]:
        return ("no diffs: what the host said of its files is not complete",)
    found = dict(_records(lines))
    diffs = (_diff(text, found.get(number)) for number, text in enumerate(texts, 1))
    return tuple(each for each in diffs if each)


def _records(answer: Iterable[str]) -> Iterator[tuple[int, FoundText]]:
    for line in answer:
        fields = line.split("\t")
        if len(fields) == 5 and all(each.isdigit() for each in fields[:4]):
            number, mode, size, lines, text = fields
            is_sent = bool(text) or size == "0"
            yield (
                int(number),
                FoundText(mode, int(size), int(lines), base64.b64decode(text) if is_sent else None),
            )


def _diff(new: NewText, found: FoundText | None) -> str:
    before = b"" if found is None else found.text
    after = b"" if new.text is None else new.text.encode()
    if new.is_secret or (found and not is_for_everybody(found.mode)):
        return _in_words(new, found, "not shown, as not everybody may read it")
    if before is None or len(after) > MOST_BYTES:
        return _in_words(
            new, found, f"too large to show ({max(found.size if found else 0, len(after))} bytes)"
        )
    if b"\0" in before + after or not _is_text(before):
        return _in_words(new, found, "binary")
    ends = ("/dev/null" if found is None else new.path, "/dev/null" if new.text is None else new.path)
    return "\n".join(_unified(*ends, _lines(before.decode()), _lines(after.decode())))


def _in_words(new: NewText, found: FoundText | None, why: str) -> str:
    lines = 0 if new.text is None else new.text.count("\n")
    if found is None:
        change = "" if new.text is None else f"new, {lines} lines"
    else:
        change = (
            f"removed, {found.lines} lines" if new.text is None else f"changed, {found.lines} → {lines} lines"
        )
    return f"{new.path}: {change}; {why}" if change else ""


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, last + NO_NEWLINE] if last else lines


def _unified(from_path: str, to_path: str, before: list[str], after: list[str]) -> Iterator[str]:
    """A unified diff that compares what is there and shows what may be seen: a changed secret is a change."""
    old, new = ([line.translate(CONTROL) for line in masked_lines(lines)] for lines in (before, after))
    for count, group in enumerate(SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT_LINES)):
        if count == 0:
            yield from (f"--- {from_path}", f"+++ {to_path}")
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[start:end])
                continue
            yield from (f"-{line}" for line in old[start:end])
            yield from (f"+{line}" for line in new[new_start:new_end])


def _range(start: int, end: int) -> str:
    """Where a hunk lies, as diff -u says it."""
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
