"""Print an operation that is over: members, results, entries, and the list of evidence for the formal way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.desk.words import notice_words
from gateway.views.operations.words import entry_words, owner_words, part_words, result_words, stand_words
from gateway.views.render import render


@dataclass(frozen=True, slots=True)
class PackTable:
    """A table of the pack; `empty` says that it has no row."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


@dataclass(frozen=True, slots=True)
class PackView:
    """The content of the printed pack."""

    title: str
    language: str
    about: Sequence[tuple[str, str]]
    tables: Sequence[PackTable]
    rule: str


def pack_page(found: dict[str, Any], language: Language) -> str:
    """Return the page of an operation with its evidence, made to be printed; it needs no network."""
    return render("operation.html", pack_view(found, language))


def pack_view(found: dict[str, Any], language: Language) -> PackView:
    """Return what the pack shows."""
    told = {
        "operation": found["id"],
        "owner": with_country(found["owner"], language),
        "stands": stand_words(found["stand"], language),
        "from": moment(found["start"], language),
        "until": moment(found["end"], language),
        "case": found["case"],
        "asked": found["opened_by"],
        "approved": found["approved_by"],
        "words": found["text"],
        "missing": owner_words(found, language),
    }
    labels = {
        "operation": tell(language, "operation"),
        "owner": tell(language, "owner"),
        "stands": tell(language, "how it stands"),
        "from": tell(language, "from"),
        "until": tell(language, "until"),
        "case": tell(language, "case"),
        "asked": tell(language, "asked by"),
        "approved": tell(language, "approved by"),
        "words": tell(language, "words of the owner"),
        "missing": tell(language, "missing"),
    }
    return PackView(
        found["title"],
        language.value,
        [(labels[name], value) for name, value in told.items() if value],
        [_members(found, language), _results(found, language), _entries(found, language), _evidence(found, language)],
        tell(language, "A lead, and no evidence in court: it is asked for again by the formal way."),
    )


def _members(found: dict[str, Any], language: Language) -> PackTable:
    rows = [
        (with_country(part["member"], language), ", ".join(part["offices"]), "; ".join(part_words(part, language)))
        for part in found["parts"]
    ]
    heads = (tell(language, "country"), tell(language, "offices"), tell(language, "how it stands"))
    return PackTable(tell(language, "Members"), heads, rows, tell(language, "none"))


def _results(found: dict[str, Any], language: Language) -> PackTable:
    rows = [
        (
            with_country(each["member"], language),
            notice_words("outcome", each["outcome"], language),
            str(each["times"]),
            result_words(each, language),
        )
        for each in found["results"]
    ]
    heads = (tell(language, "country"), tell(language, "outcome"), tell(language, "times"), tell(language, "how much"))
    return PackTable(tell(language, "Results"), heads, rows, tell(language, "none"))


def _entries(found: dict[str, Any], language: Language) -> PackTable:
    rows = [
        (
            moment(each["at"], language),
            f"{with_country(each['member'], language)} {each['office']}".strip(),
            "; ".join(entry_words(each, found["template"], language)),
        )
        for each in found["entries"]
    ]
    heads = (tell(language, "time"), tell(language, "who"), tell(language, "what"))
    return PackTable(tell(language, "Entries"), heads, rows, tell(language, "none"))


def _evidence(found: dict[str, Any], language: Language) -> PackTable:
    rows = [
        (
            moment(each["at"], language),
            f"{'→' if each['ours'] else '←'} {with_country(each['member'], language)}",
            f"{each['says']} {each['exchange']}",
            each["payload_hash"],
            f"{each['log']} {each['entry']}",
        )
        for each in found["evidence"]
    ]
    heads = (
        tell(language, "time"),
        tell(language, "with"),
        tell(language, "exchange"),
        tell(language, "hash of the payload"),
        tell(language, "entry of our log"),
    )
    return PackTable(tell(language, "Evidence"), heads, rows, tell(language, "none"))
