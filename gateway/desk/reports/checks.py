"""Check what an officer hands in for a report, and what a counterpart's report says, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.clock import DAY_US
from gateway.desk.reports.traces import PERSONAL, traces, traces_across
from gateway.desk.reports.values import LIFE_US, Left, Reader, Trace
from gateway.desk.roles import check_purpose
from gateway.errors import Forbidden, Malformed, Unsupported
from gateway.exchange.parts import Parts
from gateway.matching.method_reports import RECORD_TYPE, texts_of
from gateway.model.desk.notices import NoticeType
from gateway.model.forms.reports import MAX_TEXTS, is_period
from gateway.model.handed.reports import WriteReport
from gateway.model.marking import Level
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.requester import Officer
from gateway.records import codes
from gateway.records.work import ModusOperandiReport
from gateway.statements.notices.texts import free_text
from policy.attributes import DeskAttributes
from policy.explain import RECORD_NOT_COVERED

FILES = "attachments"
"""The place of a name of a file, where one may tell who a person is."""

_PLACE = frozenset({"unlocode", "crossing", "name", "country"})
_UNLOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2,3}", re.ASCII)
_CROSSING = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]", re.ASCII)
_ROOT = re.compile(r"[0-9a-f]{64}", re.ASCII)


def check_form(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a report, of whatever author. Raises `Malformed` for others, and for those of another form.

    No field can hold what the type does not name: places have four members, and pictures are roots of attachments.
    """
    known = {name: value for name, value in fields.items() if value not in (None, "", [])}
    report = ModusOperandiReport.read(known)
    if report.offence is None or not report.method:
        raise _bad("a report says the offence and the method", "method" if report.offence else "offence")
    for place in known.get("route", ()):
        if isinstance(place, dict):
            _check_place(place)
    if any(not _ROOT.fullmatch(root) for root in known.get("pictures", ())):
        raise _bad("a picture is named by the root of its attachment", "pictures")
    if sum(len(text) for _, text in texts_of(known)) > MAX_TEXTS:
        raise Malformed(
            "the texts have more than {most} characters together", code="too-long", where="fields", most=MAX_TEXTS
        )
    for name, text in texts_of(known):
        free_text(text, name)
    return known


def check_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a report of ours; beside their form, a period and a crossing point are known ones."""
    known = check_form(dict(fields) | {"no_personal_data": True})
    if known.get("pictures"):
        raise _bad("no attachment stands beside the report", "pictures")
    if (period := known.get("period")) and not is_period(period):
        raise _bad(
            "a period is a year or a month, or two with `/` between, of ten years at most",
            "period",
            "such as `2026-03/2026-05`",
        )
    for place in known.get("route", ()):
        if isinstance(place, dict) and place.get("crossing") and place["crossing"] not in codes.crossing_points():
            raise _bad(
                "the register has no such crossing point",
                "route",
                "name the point as another report does: `liaison report search`",
            )
    return known


def check_nobody(fields: Mapping[str, Any], files: Iterable[str] = ()) -> None:
    """Raise `Forbidden` for a report with what may tell who a person is; it names the places, and not what they say.

    `files` are the names of what comes with it.
    """
    if found := all_traces(fields, files):
        raise told(found)


def all_traces(fields: Mapping[str, Any], files: Iterable[str] = ()) -> list[Trace]:
    """Return what may tell who a person is: in each text, divided over several of them, and in names of files."""
    texts = list(texts_of({name: fields[name] for name in ModusOperandiReport.model_fields if name in fields}))
    names = [(FILES, name) for name in files]
    running = [(name, text) for name, text in texts if name != "period" or not is_period(text)]
    return [*(trace for name, text in (*texts, *names) for trace in traces(name, text)), *traces_across(running)]


def told(found: list[Trace]) -> Forbidden:
    """Return the refusal of a report with traces of persons."""
    return Forbidden(
        "a report holds no personal data, and this one may: {places}",
        code=PERSONAL,
        where="fields",
        remedy="write how it is done, without who does it: `liaison report check` shows each place",
        places=", ".join(map(str, found[:12])),
    )


def places_of(fields: Mapping[str, Any]) -> list[str]:
    """Return the names that the registers have for the places of a report's route."""
    return codes.place_names(fields.get("route", ()))


def check_command(officer: Officer, command: WriteReport, now_us: int) -> None:
    """Raise for a report that this officer may not write for any reader."""
    check_purpose(officer, command.purpose)
    if command.until_us and not now_us + DAY_US <= command.until_us <= now_us + LIFE_US:
        raise Malformed(
            "a report is kept for two years at most, and for a day at least", code="bad-time", where="until"
        )
    if command.level not in (Level.OPEN, Level.OFFICIAL):
        raise Malformed("a report is open or official", code="bad-report", where="level")


def readers(
    parts: Parts, officer: Officer, command: WriteReport, now_us: int
) -> tuple[tuple[Reader, ...], tuple[Left, ...]]:
    """Return the counterparts that get a report, and those that do not, each with the reason."""
    trust, found, left = parts.trust(), list[Reader](), list[Left]()
    others = [MemberId(name) for name in sorted(trust.members) if name != parts.member and trust.active(MemberId(name))]
    for strange in sorted(set(command.to) - set(others)):
        raise Forbidden("`{member}` is not an active member", code="not-a-member", where="to", member=strange)
    for member in others:
        if command.to and member not in command.to:
            left.append(Left(member, "not-wanted"))
            continue
        try:
            if not trust.descriptor(member).can_take(NoticeType.REPORT):
                raise Unsupported("it takes no reports", where="to")
            agreement = _agreement(parts, officer, command, member, now_us)
            found.append(Reader(member, new_exchange_id(), agreement))
        except (Forbidden, Unsupported) as error:
            left.append(Left(member, error.code))
    return tuple(found), tuple(left)


def covers_reports(parts: Parts, agreement_id: str) -> bool:
    """Tell whether an agreement is about reports."""
    agreement = parts.policy().agreements.get(agreement_id)
    return agreement is not None and RECORD_TYPE in agreement.record_types


def _agreement(parts: Parts, officer: Officer, command: WriteReport, member: MemberId, now_us: int) -> str:
    """Return the first agreement under which policy allows it. Raises `Forbidden` with the code where none does."""
    policy, code = parts.policy(), RECORD_NOT_COVERED
    shared = [one for one in policy.agreements if {parts.member, member} <= one.parties]
    for one in sorted((one for one in shared if covers_reports(parts, one.id)), key=lambda one: one.id):
        asked = DeskAttributes.opening(
            officer,
            member,
            NoticeType.REPORT,
            command.purpose,
            command.offence,
            agreement=one.id,
            has_case=bool(command.case),
        )
        decision = policy.may_desk(asked, now_us)
        if decision.allow:
            return one.id
        code = decision.code or "policy-denies"
    raise Forbidden("no agreement allows it", code=code, where="to")


def _check_place(place: Mapping[str, Any]) -> None:
    forms = {"unlocode": _UNLOCODE, "crossing": _CROSSING, "country": _COUNTRY}
    for name, value in place.items():
        if name not in _PLACE or not isinstance(value, str):
            raise _bad("a place has a name, a crossing point, a UN/LOCODE and a country", "route")
        if name in forms and not forms[name].fullmatch(value):
            raise _bad("a code of a place has another form", "route")


def _bad(message: str, field: str, remedy: str = "") -> Malformed:
    return Malformed(message, code="bad-report", where=f"fields.{field}", remedy=remedy)
