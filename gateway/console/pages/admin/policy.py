"""Policy: what is in force and who approved it, what waits, who gets what, and what a proposed one would change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.console.frame.shapes import Banner, Button, Field, Option, Row, Table, Text
from gateway.console.pages.admin.sections import PATH, Action, Choice, Command, Section, command
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES, named
from gateway.model.desk.notices import NoticeType
from gateway.ops.console.administration import Administration
from gateway.ops.console.jobs import JobKind
from gateway.ops.policy.keeper import INCOMING
from policy.bundle.limits import BROUGHT, FILES, KEPT, REFUSED, TOLD, WORD

MOST_DOCUMENT = 3 * 1024 * 1024
"""The most bytes of the form with a proposed policy: base64 grows where a form carries it."""

SPANS: Sentences = {"1d": "one day", "7d": "seven days", "30d": "thirty days"}
_KINDS: Sentences = {
    NoticeType.ASK: "Question",
    NoticeType.REPLY: "Answer",
    NoticeType.ALERT: "Alerts",
    NoticeType.STATUS: "Status",
    NoticeType.CHANGE: "Changes",
    NoticeType.OUTCOME: "What came of it",
    NoticeType.NOTE: "a note",
    NoticeType.SERVICE: "Incidents",
    NoticeType.REPORT: "Reports",
    NoticeType.ROOM: "Operations",
    NoticeType.WATCH: "Watches",
    FILES: "Files",
    REFUSED: "refused",
}
"""Name the kinds of the budget, under which is kept what a counterpart sends."""

_USED_UP = 0.8


async def policy_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return the sections of policy."""
    language = visit.language
    found = await asyncio.to_thread(admin.policy_in_force)
    quotas = await asyncio.to_thread(admin.quotas)
    return [
        _in_force(found, language),
        _approvals(found["waiting"], admin, language),
        _matrix(language),
        _proposal(language),
        _quotas(quotas, language),
    ]


def _in_force(found: Mapping[str, Any], language: Language) -> Section:
    version = tell(language, "version {version}, signed by {count}", version=found["version"],
                   count=len(found["approvers"]))  # fmt: skip
    nobody = tell(language, "a folder that nobody approved")
    banner = Banner(tell(language, "Nobody has approved this policy: for trials only."), tone="warn")
    return Section(
        tell(language, "The policy in force"),
        banners=() if found["version"] else (banner,),
        rows=(
            Row(tell(language, "Approved"), (version if found["version"] else nobody,)),
            Row(tell(language, "SHA-256 of its files"), (found["hash"],)),
            Row(tell(language, "Agreements"), (", ".join(found["agreements"]) or "-",)),
        ),
    )


def _approvals(waiting: Mapping[str, Any] | None, admin: Administration, language: Language) -> Section:
    """Return what waits for approval. Approvers sign with keys of their own, which never come to this machine."""
    banners, rows, place = [], [], admin.place
    if waiting is not None:
        rows.append(Row(tell(language, "Brought"), (tell(language, "version {version}", version=waiting["version"]),)))
        if waiting["refused"]:
            refused = tell(language, "No node will take the policy that was brought.")
            banners.append(Banner(refused, tone="danger"))
            rows.append(Row(tell(language, "Why"), (Text(waiting["refused"], "en"),)))
    sign = "liaison policy sign DRAFT --version N --key a.key --out policy.json"
    more = "liaison policy sign policy.json --key b.key --out policy.json"
    incoming = admin.home.policies / INCOMING
    review = command("liaison policy review", incoming if waiting else "policy.json", "--home", place)
    commands = (
        Command(tell(language, "The first approver signs the draft:"), sign),
        Command(tell(language, "The other approver looks at what it changes, and signs:"), f"{review}\n{more}"),
        Command(tell(language, "Bring it to the node:"), command("liaison policy install policy.json --home", place)),
    )
    empty = tell(language, "No approval waits"), tell(language, "Two approvers put a new policy in force:")
    title = tell(language, "Approvals")
    return Section(title, banners=tuple(banners), rows=tuple(rows), empty=None if waiting else empty, commands=commands)


def _matrix(language: Language) -> Section:
    button = Button(tell(language, "Show who gets what"), "kind", JobKind.MATRIX.value)
    return Section(
        tell(language, "Who gets what"),
        tell(language, "For each counterpart, agency, purpose and kind of record: the fields that may leave."),
        actions=(Action(f"{PATH}/jobs", (button,)),),
    )


def _proposal(language: Language) -> Section:
    spans = tuple(Option(code, tell(language, text), chosen=code == "7d") for code, text in SPANS.items())
    return Section(
        tell(language, "A proposed policy"),
        tell(language, "Paste the signed document. Nothing of it comes into force here."),
        actions=(
            Action(
                f"{PATH}/policy/proposal",
                (
                    Button(tell(language, "Show what it changes"), "kind", JobKind.REVIEW.value, "first"),
                    Button(tell(language, "Rehearse it"), "kind", JobKind.REHEARSE.value),
                ),
                areas=(Field("document", tell(language, "The document"), required=True),),
                choices=(Choice("since", tell(language, "Rehearse with the questions of the last"), spans),),
                fields=(
                    Field(
                        "reason",
                        tell(language, "Why you rehearse it"),
                        hint=tell(language, "It stands in the log: a rehearsal reads what was asked."),
                        most=200,
                    ),
                ),
            ),
        ),
    )


def _quotas(found: Sequence[Mapping[str, Any]], language: Language) -> Section:
    title = tell(language, "Quotas of today")
    if not found:
        told = tell(language, "Nothing is limited")
        return Section(title, empty=(told, tell(language, "Nothing was counted today, and no quota is set.")))
    heads = (
        tell(language, "Counterpart"),
        tell(language, "Direction"),
        tell(language, "Purpose"),
        tell(language, "Used"),
        tell(language, "Limit"),
    )
    directions = {
        "out": tell(language, "we ask"),
        "in": tell(language, "they ask"),
        KEPT: tell(language, "we keep of theirs (KiB)"),
        TOLD: tell(language, "they give our people work"),
        WORD: tell(language, "they are heard in this hour, while suspended"),
        BROUGHT: tell(language, "our people bring files (KiB)"),
    }
    rows = tuple(
        (
            each["peer"] if each["direction"] == BROUGHT else with_country(each["peer"], language),
            directions[each["direction"]],
            tell(language, _KINDS[each["purpose"]])
            if each["purpose"] in _KINDS
            else named(each["purpose"], PURPOSES, language),
            str(each["used"]),
            str(each["limit"]) if each["limit"] is not None else "-",
        )
        for each in found[:50]
    )
    pressing = any(each["limit"] and each["used"] >= _USED_UP * each["limit"] for each in found)
    banner = Banner(tell(language, "A quota is nearly used up."), tone="warn")
    return Section(title, banners=(banner,) if pressing else (), tables=(Table("", heads, rows, frozenset({3, 4})),))
