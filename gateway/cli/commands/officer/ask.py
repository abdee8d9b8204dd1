"""`liaison ask`: an officer's question to other countries, through the node's own REST API."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import NodeClient
from gateway.cli.officers import trial_token
from gateway.cli.options import TEXT, Word, home_option, json_option, together, unlisted_officer, value_of
from gateway.cli.output import say
from gateway.cli.searches import remembered, show_search
from gateway.cli.speech import spoken, usage
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.desk.reports.wanted import asked_keys
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import sentence
from gateway.language.terms import OFFENCES
from gateway.model.names import member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import ReportQuery, VesselQuery
from gateway.model.values import PartialDate
from gateway.ops.members.askable import not_askable
from gateway.records.identifiers.containers import read_container
from gateway.records.identifiers.query_forms import check_birth, check_issuer, check_scheme

_PURPOSES = Word([item.value for item in Purpose])
_OFFENCES = Word([item.value for item in Offence])
_OFFENCE_WORDS = ", ".join(f"{code} {words}" for code, words in OFFENCES.items())

_common = together(
    home_option,
    json_option,
    click.option("--as", "officer", required=True, type=TEXT, metavar="OFFICER", help="The officer's person id."),
    click.option("--to", required=True, metavar="M,M", help="Members to ask, such as la,vn."),
    click.option("--purpose", required=True, type=_PURPOSES, help="Why it is asked."),
    click.option("--offence", required=True, type=_OFFENCES, help=f"The offence in view: {_OFFENCE_WORDS}."),
    click.option("--case", default="", help="Case number; this or --ticket is required."),
    click.option("--ticket", default="", help="Ticket of a single check."),
    click.option("--agreement", default="", help="The legal basis; by default the one that covers the purpose."),
    unlisted_officer,
    click.option("--idempotency-key", default="", help="The same key returns the first search."),
)


@click.command()
@click.option(
    "--name", "names", required=True, multiple=True, type=TEXT, help="The whole name, in any script; may be repeated."
)
@click.option("--script", default="", help="ISO 15924 (Thai, Khmr, Latn); detected by default.")
@click.option("--lang", default="", help="BCP 47 (th, vi).")
@click.option("--birth", default="", help="YYYY, YYYY-MM or YYYY-MM-DD, Gregorian.")
@click.option("--sex", default="", type=click.Choice(["", "M", "F", "X"]))
@click.option("--nationality", default="", help="ICAO alpha-3.")
@click.option("--father", default="", help="The father's name, which tells people of one name apart in Myanmar.")
@_common
def person(
    names: tuple[str, ...],
    script: str,
    lang: str,
    birth: str,
    sex: str,
    nationality: str,
    father: str,
    **common: Any,
) -> int:
    """A person by name, and birth date or year.

    \b
    Example:
      liaison ask person --home th --as th.o.1042 --to kh --name "สมชาย ใจดี" --birth 1984 \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    query: dict[str, Any] = {
        "kind": "person",
        "names": [{"text": name, "script": script, "lang": lang} for name in names],
        "nationality": nationality,
        "father": father,
    }
    with value_of("--birth", "YYYY, YYYY-MM or YYYY-MM-DD"):
        if birth:
            check_birth(PartialDate(birth).value, "--birth", SystemClock().now_us())
    with value_of("--nationality"):
        check_issuer(nationality, "--nationality")
    query |= {"birth": {"value": birth}} if birth else {}
    query |= {"sex": sex} if sex else {}
    return _ask(query, **common)


@click.command()
@click.option("--number", required=True, type=TEXT)
@click.option("--issuer", default="", help="ICAO alpha-3 (VNM).")
@_common
def document(number: str, issuer: str, **common: Any) -> int:
    """A travel document by its number and issuer.

    \b
    Example:
      liaison ask document --home th --as th.o.1042 --to vn,kh --number C1234567 --issuer VNM \\
              --purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1
    """
    with value_of("--issuer"):
        check_issuer(issuer, "--issuer")
    return _ask({"kind": "document", "number": number, "issuer": issuer}, **common)


@click.command("national-id")
@click.option("--number", required=True, type=TEXT)
@click.option("--scheme", default="", help="Such as THA-PIN.")
@_common
def national_id(number: str, scheme: str, **common: Any) -> int:
    """A national identity number.

    \b
    Example:
      liaison ask national-id --home th --as th.o.1042 --to vn --number 001084012345 --scheme VNM-CCCD \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    with value_of("--scheme"):
        check_scheme(scheme, "--scheme")
    return _ask({"kind": "national_id", "number": number, "scheme": scheme}, **common)


@click.command()
@click.option("--plate", required=True, type=TEXT)
@click.option("--province", default="", help="A Thai plate is unique only with its province.")
@click.option("--country", default="")
@_common
def vehicle(plate: str, province: str, country: str, **common: Any) -> int:
    """A vehicle by its plate.

    \b
    Example:
      liaison ask vehicle --home th --as th.o.1042 --to la --plate "กข 1234" --province กรุงเทพมหานคร --country THA \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    return _ask({"kind": "vehicle", "plate": plate, "province": province, "country": country}, **common)


@click.command()
@click.option("--number", required=True, type=TEXT, help="ISO 6346.")
@_common
def container(number: str, **common: Any) -> int:
    """A freight container by its number.

    \b
    Example:
      liaison ask container --home th --as th.o.1042 --to kh --number MSCU6639870 \\
              --purpose CUSTOMS_CONTROL --offence WILD --ticket T-2
    """
    language = spoken()
    for problem in _doubts(number, language):
        say(tell(language, "note: look at the number again: {problem}", problem=problem), "warn", err=True)
    return _ask({"kind": "container", "number": number}, **common)


@click.command()
@click.option("--name", default="", help="The name of the vessel, in any script.")
@click.option("--imo", default="", help="IMO number: seven digits, of which the last checks the others.")
@click.option("--mmsi", default="", help="Nine digits.")
@click.option("--call-sign", default="")
@click.option("--local-reg", default="", help="Local registration, or what is painted on the hull.")
@click.option("--flag", default="", help="ISO 3166-1 alpha-2 (LA).")
@_common
def vessel(name: str, imo: str, mmsi: str, call_sign: str, local_reg: str, flag: str, **common: Any) -> int:
    """A vessel by its name or a number of it; each that fits is enough.

    \b
    Example:
      liaison ask vessel --home th --as th.o.1042 --to la --local-reg "LA-VTE 0417" --flag LA \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    asked = {"name": name, "imo": imo, "mmsi": mmsi, "call_sign": call_sign, "local_reg": local_reg, "flag": flag}
    with value_of("vessel"):
        VesselQuery(**asked)
    return _ask({"kind": "vessel", **asked}, **common)


@click.command()
@click.option("--words", default="", help="Words of the reports, in any script; all must be there.")
@click.option("--about", default="", type=Word(["", *(item.value for item in Offence)]), help="The reports' offence.")
@click.option("--place", default="", help="A place of the route, by its name in any script, or by its code.")
@click.option("--crossing", default="", help="A crossing point, by its id in the register.")
@click.option("--period", default="", metavar="MONTHS", help="When it was seen: 2026, 2026-03 or 2026-03/2026-05.")
@_common
def report(words: str, about: str, place: str, crossing: str, period: str, **common: Any) -> int:
    """Reports on methods and routes that the other country has published; all that is given must fit.

    Words, an offence, a place or a crossing point is required, and a period narrows it. Reports name no persons, so
    that what looks like a number of one is refused. What stands here already is found by `liaison report search`.

    \b
    Example:
      liaison ask report --home th --as th.o.1042 --to la --words "false floor" --place "Chiang Rai" \\
              --period 2026-03/2026-05 --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    asked = {"text": words, "offence": about, "place": place, "crossing": crossing, "period": period}
    with value_of("report"):
        asked_keys(ReportQuery(**asked))
    return _ask({"kind": "report", **asked}, **common)


@click.command("case-reference")
@click.option("--number", required=True, type=TEXT, help="The number of your case, as you write it.")
@_common
def case_reference(number: str, **common: Any) -> int:
    """A case by its number, to keep out of each other's way: a hit says which desk to ask, and nothing of the case.

    \b
    Example:
      liaison ask case-reference --home th --as th.o.1042 --to la --number TH-2026-17 \\
              --purpose DECONFLICTION --offence NARC --case TH-2026-17
    """
    return _ask({"kind": "case_reference", "number": number}, **common)


def _doubts(number: str, language: Language) -> list[str]:
    """Return the problems of a container's number. It is asked all the same: boxes and records bear such numbers."""
    try:
        reading = read_container(number)
    except Malformed as error:
        return [sentence(error, language)]
    if language is Language.EN or not reading.problems:
        return list(reading.problems)
    expected = reading.parts["expected"]
    return [tell(language, "the check digit should be {expected}", expected=expected)]


def _members(to: str) -> list[str]:
    """Return the members named by `--to`. Raises `UsageError` where none is named, and for one that is named twice."""
    with value_of("--to"):
        members = [str(member_id(member.strip())) for member in to.split(",") if member.strip()]
    if not members:
        raise usage("--to is empty: name the members to ask, such as la,vn")
    if len(set(members)) < len(members):
        raise usage("--to names a member twice")
    return members


def _ask(
    query: dict[str, Any],
    home: Path,
    officer: str,
    to: str,
    purpose: str,
    role: str,
    office: str,
    agency: str,
    idempotency_key: str,
    as_json: bool,
    **ground: str,
) -> int:
    if not (ground["case"] or ground["ticket"]):
        raise usage("a case or ticket is required: give --case or --ticket")
    members = _members(to)
    body = {"query": query, "to": members, "purpose": purpose, **ground}
    settings = load_settings(home)
    if settings.node.member in body["to"]:
        why = tell(spoken(), "our own agencies are asked anyway")
        raise click.UsageError(f"--to: `{settings.node.member}`: {why}")
    token = trial_token(settings, officer, role=role, office=office, agency=agency, purpose=purpose)
    language = spoken()
    for member in not_askable(home, members, query["kind"]):
        note = tell(language, "note: {member} lists no source for such a question; its answer decides", member=member)
        say(note, "warn", err=True)
    with NodeClient(settings, language=language) as node:
        search = node.begin(body, token, idempotency_key)
        with remembered(search["id"], home, officer), closing(node.follow(search["id"], token)) as states:
            return show_search(states, settings.node.member, as_json=as_json)
