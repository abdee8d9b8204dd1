"""Sign what was prepared: with the passkey of the mandate on this page, or with a key file on the auditor's machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from gateway.audit.reading.inspection import Action
from gateway.audit.search.terms import ANY
from gateway.console.audit.start import ROLES
from gateway.console.audit.tabs import PATH, mandate_rows
from gateway.console.frame.clocks import countdown
from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.records import as_written, foreign
from gateway.console.frame.shapes import Clock, Field, Row
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import AuditParts, Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.ops.mandate.acts import Announced, Prepared, place_name
from gateway.signing import strict_json

Begin = Callable[[Visit, Announced], str]
"""Begins what an act announced, and returns the path of its page."""

_ACTIONS: Sentences = {
    "open": "You are about to open entries",
    "search": "You are about to ask a question",
    "export": "You are about to have the logs exported",
}
_DETAILS: Sentences = {
    "officer": "Officer",
    "case": "Case or ticket number",
    "agreement": "Agreement",
    "refused": "Reason of the refusal",
    "record": "Record",
    "names": "Name",
    "born": "Year or date of birth",
    "numbers": "Number of a document, plate or container",
    "peers": "With this country",
    "exchange_id": "Exchange",
    "log": "Log",
    "entries": "Entries",
    "since": "From",
    "until": "Until",
}


@dataclass(frozen=True, slots=True)
class SignView:
    """Shows what is signed, under which mandate, until when it can be; and the ways to sign.

    `options` are for the passkey; empty where the mandate has none.
    """

    action: str
    rows: Sequence[Row]
    clock: Clock
    mandate: Sequence[Row]
    path: str
    options: str
    command: str
    document: Field


def sign_routes(door: Door, parts: AuditParts, begin: Begin) -> list[Route]:
    """Return the routes on which acts are signed; `begin` goes on with one that has its entry."""
    sign = _Sign(parts, begin)
    return [
        door.get(f"{PATH}/sign/{{act}}", sign.show, ROLES),
        door.get(f"{PATH}/sign/{{act}}/file", sign.file, ROLES),
        door.post(f"{PATH}/sign/{{act}}", sign.take, ROLES),
    ]


class _Sign:
    def __init__(self, parts: AuditParts, begin: Begin) -> None:
        self._acts = parts.acts
        self._begin = begin

    async def show(self, visit: Visit) -> Page:
        """Return the act in words, with what signs it."""
        prepared = await asyncio.to_thread(self._prepared, visit)
        language = visit.language
        return Page("audit/sign.html", tell(language, "Sign"), self._view(visit, prepared))

    async def file(self, visit: Visit) -> Response:
        """Return the bytes that are signed, as a file for the auditor's own machine."""
        prepared = await asyncio.to_thread(self._prepared, visit)
        headers = {"content-disposition": f'attachment; filename="inspection-{prepared.name[:8]}.json"'}
        return Response(prepared.payload, headers=headers, media_type="application/json")

    async def take(self, visit: Visit, form: Form) -> Answer:
        """Have the entry written of the act that was signed, then go on to what it announces."""
        prepared = await asyncio.to_thread(self._prepared, visit)
        assertion, document = form.one("assertion"), form.one("document")
        said = await asyncio.to_thread(self._announce, visit, prepared, assertion, document)
        return To(self._begin(visit, said))

    def _prepared(self, visit: Visit) -> Prepared:
        return self._acts.prepared(visit.officer.person, visit.part("act"))

    def _announce(self, visit: Visit, prepared: Prepared, assertion: str, document: str) -> Announced:
        if assertion:
            origin = visit.request.app.state.login.origin()
            data = self._acts.signed_by_passkey(prepared, origin, assertion)
        else:
            data = self._acts.signed_elsewhere(visit.officer.person, prepared, document)
        name = place_name(self._acts.announce(prepared, data))
        return self._acts.announced(visit.officer.person, name, prepared.inspection.action)

    def _view(self, visit: Visit, prepared: Prepared) -> SignView:
        language, inspection = visit.language, prepared.inspection
        return SignView(
            action=tell(language, _ACTIONS[inspection.action]),
            rows=(
                *detail_rows(inspection.detail, language),
                Row(tell(language, "Why you ask"), as_written(inspection.reason)),
            ),
            clock=countdown(prepared.until_us, visit.now_us, language),
            mandate=mandate_rows(prepared.held, visit),
            path=f"{PATH}/sign/{prepared.name}",
            options=strict_json.dumps(self._acts.options(prepared)).decode() if prepared.held.passkey else "",
            command=f"liaison audit sign inspection-{prepared.name[:8]}.json --key FILE",
            document=Field("document", tell(language, "The signed line"), required=True),
        )


def detail_rows(detail: Mapping[str, Any], language: Language) -> list[Row]:
    """Return what an act is about, as the lines of a summary."""
    rows = []
    for name, value in detail.items():
        if name in _DETAILS and value not in ("", [], None):
            parts = value if isinstance(value, list) else [value]
            said = tuple(foreign(_said(name, str(part), language)) for part in parts[:20])
            rows.append(Row(tell(language, _DETAILS[name]), said))
    return rows


def _said(name: str, value: str, language: Language) -> str:
    if name == "peers":
        return with_country(value, language)
    if name == "refused" and value == ANY:
        return tell(language, "all")
    return moment(value, language) if name in ("since", "until") else value


def result_path(said: Announced) -> str:
    """Return the path of what an opening or a search announced."""
    return f"{PATH}/{'opened' if said.inspection.action is Action.OPEN else 'found'}/{said.name}"
