"""Make one HTML page of opened exchanges: static, self-contained, in the auditor's language, made to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clock import rfc3339_s
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.ops.audit.contents import OpenedEntries
from gateway.views.render import render
from gateway.views.sheet_lines import OWN_CHARTER
from gateway.views.sheet_words import HEADINGS, STATES
from gateway.views.sheets import Sheet, sheets_of


@dataclass(frozen=True, slots=True)
class SheetsView:
    """The content of the page: opened exchanges, with headings and the names of states in the page's language."""

    title: str
    language: str
    about: Sequence[str]
    warnings: Sequence[str]
    headings: dict[str, str]
    states: dict[str, str]
    sheets: Sequence[Sheet]


def sheet_page(found: OpenedEntries, language: Language) -> str:
    """Return the page of what was opened."""
    view = SheetsView(
        title=tell(language, "What was asked and given: {member}", member=with_country(found.member, language)),
        language=language.value,
        about=list(_about(found, language)),
        warnings=[tell(language, OWN_CHARTER)] if found.own_charter else [],
        headings={name: tell(language, heading) for name, heading in HEADINGS.items()},
        states={state: tell(language, said) for state, said in STATES.items()},
        sheets=sheets_of(found, language),
    )
    return render("sheets.html", view)


def _about(found: OpenedEntries, language: Language) -> list[str]:
    about = [tell(language, "made {time}", time=moment(rfc3339_s(found.made_us), language))]
    if found.auditor:
        about.append(tell(language, "for the auditor {auditor}", auditor=found.auditor))
    if found.at is not None:
        about.append(tell(language, "this opening is entry {index} of {log}", index=found.at.index, log=found.at.log))
    return about
