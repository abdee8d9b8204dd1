"""Describe operations in lines: how each member stands, the entries in their order, the results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.desk.words import notice_words
from gateway.views.lines import Line, exact
from gateway.views.operations.words import (
    entry_words,
    invites_words,
    owner_words,
    part_words,
    result_words,
    stand_words,
)


def operations_lines(operations: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of operations."""
    operation = None
    for operation in operations:
        yield from _head(operation, language)
    if operation is None:
        yield tell(language, "no operation is open for you"), "dim"


@exact
def operation_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield an operation: its members, its entries and its results."""
    yield from _head(found, language)
    if words := owner_words(found, language):
        yield f"  {words}", "warn"
    if found["approved_by"]:
        yield f"  {tell(language, 'approved by')}: {found['approved_by']}"
    if words := invites_words(found, language):
        yield f"  {words}; {tell(language, 'a supervisor must approve that it goes on')}", "warn"
    for part in found["parts"]:
        said = part_words(part, language)
        yield f"  → {', '.join(part['offices']) or part['member']}  {'; '.join(said)}", "warn" if len(said) > 2 else ""
    for entry in found["entries"]:
        who = f"{entry['member']} {entry['office']}".strip()
        yield f"  {moment(entry['at'], language)}  {who}", "dim"
        for line in entry_words(entry, found["template"], language):
            yield f"    {line}"
    if found["results"]:
        yield "  " + tell(language, "results"), "title"
    for result in found["results"]:
        code = notice_words("outcome", result["outcome"], language)
        yield f"    {result['member']}  {code} ×{result['times']}  {result_words(result, language)}".rstrip()


def pack_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield an operation with the list of its evidence."""
    yield from operation_lines(found, language)
    yield "  " + tell(language, "evidence: exchanges, hashes of their payloads, entries of our log"), "title"
    for each in found["evidence"]:
        arrow = "→" if each["ours"] else "←"
        yield f"    {arrow} {each['member']}  {each['says']}  {each['exchange']}  {each['log']} {each['entry']}"
        yield f"      {each['payload_hash']}", "dim"


def _head(found: dict[str, Any], language: Language) -> Iterator[Line]:
    yield f"{found['id']}  {found['title']}", "title"
    style = "good" if found["stand"] == "on" else "warn" if found["stand"] in ("waiting", "invited") else "dim"
    until = tell(language, "until {time}", time=moment(found["end"], language))
    yield f"  {stand_words(found['stand'], language)}; {until}; {', '.join(found['members'])}", style
