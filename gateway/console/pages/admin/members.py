"""Members: the charter, and for each member the versions of its documents and how long they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.console.frame.shapes import Banner, Cell, Row, Table, Text, Tone
from gateway.console.pages.admin.sections import Command, Section, at, command
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.ops.console.administration import Administration

_DAY_S = 86_400
_HOUR_S = 3600
_SOON_DAYS = 30
_STATUS_SOON_H = 24


def member_sections(known: Mapping[str, Any], admin: Administration, visit: Visit) -> list[Section]:
    """Return the charter and the documents of all members, as the node knows them."""
    language = visit.language
    return [_charter(known, language), _documents(known["members"], language), _travel(admin, language)]


def _charter(known: Mapping[str, Any], language: Language) -> Section:
    title, charter = tell(language, "Charter"), known["charter"]
    alarms = tuple(Banner(text, tone="danger") for text in known["alarms"])
    if charter is None:
        none = tell(language, "There is no charter yet")
        accept = tell(language, "Accept the one of the federation: liaison trust accept FILE --home HOME")
        return Section(title, banners=alarms, empty=(none, accept))
    days = charter["left_s"] // _DAY_S
    soon = Banner(tell(language, "The charter ends soon: its members agree on a new version."), tone="warn")
    return Section(
        title,
        banners=(*alarms, soon) if days < _SOON_DAYS else alarms,
        rows=(
            Row(tell(language, "Federation"), (charter["federation"],)),
            Row(tell(language, "Version"), (str(charter["version"]),)),
            Row(tell(language, "Ends"), (at(charter["expires"], language),),
                note=tell(language, "{count} days left", count=days)),
            Row(tell(language, "Signed by"), (", ".join(charter["signed_by"]),)),
            Row(tell(language, "Fingerprint to compare by voice"), (charter["fingerprint"],)),
        ),
    )  # fmt: skip


def _documents(members: Mapping[str, Mapping[str, Any]], language: Language) -> Section:
    heads = (
        tell(language, "Member"),
        tell(language, "Descriptor"),
        tell(language, "Status"),
        tell(language, "Hours left"),
        tell(language, "Holds our newest documents"),
        tell(language, "Problem"),
    )
    rows = tuple(_member(name, about, language) for name, about in members.items())
    return Section(tell(language, "Documents of the members"), tables=(Table("", heads, rows, frozenset({1, 2, 3})),))


def _member(name: str, about: Mapping[str, Any], language: Language) -> tuple[Cell | Text | str, ...]:
    descriptor, status, contact = about["descriptor"], about["status"], about["contact"]
    holds = (contact or {}).get("holds_ours")
    held = "-" if holds is None else tell(language, "yes") if all(holds.values()) else tell(language, "not yet")
    return (
        with_country(name, language),
        str(descriptor["version"]) if descriptor else "-",
        str(status["number"]) if status else "-",
        _left(status["left_s"] // _HOUR_S) if status else "-",
        held,
        Text(about["problem"], "en") if about["problem"] else "-",
    )


def _left(hours: int) -> Cell:
    tone: Tone = "danger" if hours < 0 else "warn" if hours < _STATUS_SOON_H else "done"
    return Cell(str(hours), tone=tone)


def _travel(admin: Administration, language: Language) -> Section:
    place = admin.place
    return Section(
        tell(language, "How documents travel"),
        tell(language, "Running nodes hand them on by themselves. Without a connection they travel on a stick."),
        commands=(
            Command(tell(language, "Take ours along:"), command("liaison trust export --home", place, "--out FILE")),
            Command(tell(language, "Accept those of others:"), command("liaison trust accept FILE --home", place)),
            Command(tell(language, "Publish our descriptor anew:"),
                    command("liaison trust publish --home", place, "--authority ADIR --out FILE")),
        ),
    )  # fmt: skip
