"""Describe the files of a thread in lines: how much of each is here, and whether it can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.attachments import Attachment
from gateway.views.lines import Line

_STYLES = {"clean": "good", "waiting": "warn", "unscanned": "warn"}
_UNITS = ("B", "KiB", "MiB", "GiB")


def size_text(size: int) -> str:
    """Return a number of bytes in the largest unit that it fills."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{size} B"


def file_words(file: Attachment) -> str:
    """Return the name of a file that goes with something, and its size."""
    return f"{file.name} · {size_text(file.size)}"


def state_text(state: str, language: Language = Language.EN) -> str:
    """Return how a file stands, in words."""
    words = {
        "waiting": tell(language, "being fetched"),
        "unscanned": tell(language, "here, not scanned yet"),
        "clean": tell(language, "can be opened"),
        "shut": tell(language, "the scanner found something in it: it stays shut"),
        "refused": tell(language, "cannot be had"),
        "lost": tell(language, "lost on this node's disk"),
    }
    return words.get(state, state)


def copy_text(original: str, language: Language = Language.EN) -> str:
    """Return what is said of a table whose formulas people get as texts; `original` is the SHA-256 of the other one."""
    return tell(
        language,
        "this is a copy: formulas in the table are texts in it; SHA-256 of the original: {original}",
        original=original,
    )


def brought_lines(found: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the id of each file that was brought."""
    for each in found:
        yield f"{each['id']}  {each['name']}  {each['type']}  {size_text(each['size'])}", "good"
        if each["original"]:
            yield f"  {copy_text(each['original'], language)}", "warn"


def file_lines(found: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield each file of a thread with its state."""
    for each in found:
        code = f" ({each['why_not']})" if each["why_not"] else ""
        yield f"{each['name']}  {each['type']}  {size_text(each['size'])}  {each['marking']}", "title"
        yield f"  {state_text(each['state'], language)}{code}", _STYLES.get(each["state"], "bad")
        if 0 < each["here"] < each["size"]:
            yield "  " + tell(
                language, "{here} of {size} are here", here=size_text(each["here"]), size=size_text(each["size"])
            )
        yield f"  {each['root']}", "dim"
        if each["original"]:
            yield f"  {copy_text(each['original'], language)}", "warn"


def saved_lines(out: str, size: int, original: str = "", language: Language = Language.EN) -> Iterator[Line]:
    """Yield where a file was saved; `original` is the SHA-256 of a table that was saved without its formulas."""
    yield tell(language, "saved: {file} ({size})", file=out, size=size_text(size)), "good"
    if original:
        yield f"  {copy_text(original, language)}", "warn"
