"""`liaison ask`: an officer's question to other countries, through the node's own REST API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.output import home_option, json_option, print_json, say, working
from gateway.cli.speech import spoken, usage
from gateway.cli.words import Word
from gateway.errors import LiaisonError
from gateway.language.catalogue import tell
from gateway.language.sentences import remedy, sentence
from gateway.model.purpose import Offence, Purpose

_F = TypeVar("_F", bound=Callable[..., Any])

_PURPOSES = Word([item.value for item in Purpose])
_OFFENCES = Word([item.value for item in Offence])

_COMMON = (
    click.option("--as", "officer", required=True, metavar="OFFICER", help="The officer's person id."),
    click.option("--to", required=True, metavar="M,M", help="Members to ask, such as la,vn."),
    click.option("--purpose", required=True, type=_PURPOSES, help="Why it is asked."),
    click.option("--offence", required=True, type=_OFFENCES, help="The offence in view."),
    click.option("--case", default="", help="Case number; this or --ticket is required."),
    click.option("--ticket", default="", help="Ticket of a single check."),
    click.option("--agreement", default="", help="The legal basis; by default the one that covers the purpose."),
    click.option("--role", default="", help="For an officer who is not listed in node.toml."),
    click.option("--office", default="", help="For an officer who is not listed in node.toml."),
    click.option("--agency", default="", help="For an officer who is not listed in node.toml."),
    click.option("--idempotency-key", default="", help="The same key returns the first search."),
)


def _common(command: _F) -> _F:
    for option in reversed(_COMMON):
        command = option(command)
    return home_option(json_option(command))


@click.group()
def ask() -> None:
    """Ask counterparts; one line for each says hit, no hit, refused, suspended or silent.

    \b
    Examples:
      liaison ask document --home th --as th.o.1042 --to vn,kh --number C1234567 --issuer VNM \\
              --purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1
      liaison ask person --home th --as th.o.1042 --to kh --name "สมชาย ใจดี" --birth 1984 \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17

    Exit code 0 when every counterpart answered (hit or no hit), 1 when one refused, is suspended or was silent.
    """


@ask.command()
@click.option("--name", "names", required=True, multiple=True, help="The whole name, in any script; may be repeated.")
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
    _check_birth(birth)
    _check_code(nationality, "--nationality")
    query |= {"birth": {"value": birth}} if birth else {}
    query |= {"sex": sex} if sex else {}
    return _ask(query, **common)


@ask.command()
@click.option("--number", required=True)
@click.option("--issuer", default="", help="ICAO alpha-3 (VNM).")
@_common
def document(number: str, issuer: str, **common: Any) -> int:
    """A travel document by its number and issuer.

    \b
    Example:
      liaison ask document --home th --as th.o.1042 --to vn,kh --number C1234567 --issuer VNM \\
              --purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1
    """
    _check_code(issuer, "--issuer")
    return _ask({"kind": "document", "number": number, "issuer": issuer}, **common)


@ask.command("national-id")
@click.option("--number", required=True)
@click.option("--scheme", default="", help="Such as THA-PIN.")
@_common
def national_id(number: str, scheme: str, **common: Any) -> int:
    """A national identity number.

    \b
    Example:
      liaison ask national-id --home th --as th.o.1042 --to vn --number 001084012345 --scheme VNM-CCCD \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17
    """
    return _ask({"kind": "national_id", "number": number, "scheme": scheme}, **common)


@ask.command()
@click.option("--plate", required=True)
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


@ask.command()
@click.option("--number", required=True, help="ISO 6346.")
@_common
def container(number: str, **common: Any) -> int:
    """A freight container by its number.

    \b
    Example:
      liaison ask container --home th --as th.o.1042 --to kh --number MSCU6639870 \\
              --purpose CUSTOMS_CONTROL --offence WILD --ticket T-2
    """
    for problem in _doubts(number):
        say(tell(spoken(), "note: look at the number again: {problem}", problem=problem), "warn", err=True)
    return _ask({"kind": "container", "number": number}, **common)


def _doubts(number: str) -> list[str]:
    """What is wrong with a container's number. It is asked all the same: boxes and records bear wrong ones, too."""
    from gateway.errors import Malformed
    from gateway.records.identifiers.containers import read_container

    try:
        return list(read_container(number).problems)
    except Malformed as error:
        return [error.message]


def _check_birth(birth: str) -> None:
    """Raises `UsageError` for what is no date, or a year in which nobody was born, such as a Buddhist one."""
    from gateway.agency.sense import check_birth
    from gateway.errors import Malformed
    from gateway.model.values import PartialDate

    try:
        if birth:
            check_birth(PartialDate(birth), "--birth")
    except Malformed as error:
        raise _wrong("--birth", error) from error


def _check_code(code: str, option: str) -> None:
    """Raises `UsageError` for what is no code of a country or issuer, naming what was probably meant."""
    from gateway.agency.sense import check_issuer
    from gateway.errors import Malformed

    try:
        check_issuer(code, option)
    except Malformed as error:
        raise _wrong(option, error) from error


def _wrong(option: str, error: LiaisonError) -> click.UsageError:
    """Return the usage error for what is wrong with an option, with its remedy, in the language of this run."""
    told = sentence(error, spoken())
    advice = remedy(error, spoken()) or "YYYY, YYYY-MM or YYYY-MM-DD"
    return click.UsageError(f"{option}: {told} ({advice})")


def _members(to: str) -> list[str]:
    """The members named by `--to`. Raises `UsageError` for what is no member's id, and for one that is named twice."""
    from gateway.errors import Malformed
    from gateway.model.names import member_id

    named = [member.strip() for member in to.split(",") if member.strip()]
    try:
        members = [str(member_id(member)) for member in named]
    except Malformed as error:
        raise _wrong("--to", error) from error
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
    offence: str,
    case: str,
    ticket: str,
    agreement: str,
    role: str,
    office: str,
    agency: str,
    idempotency_key: str,
    as_json: bool,
) -> int:
    if not (case or ticket):
        raise usage("a case or ticket is required: give --case or --ticket")
    members = _members(to)
    from gateway.cli.client import NodeClient
    from gateway.cli.officers import trial_token
    from gateway.cli.show_search import show_search
    from gateway.config import load_settings
    from gateway.views.search_lines import all_answered

    settings = load_settings(home)
    body = {
        "query": query,
        "to": members,
        "purpose": purpose,
        "offence": offence,
        "case": case,
        "ticket": ticket,
        "agreement": agreement,
    }
    token = trial_token(settings, officer, role=role, office=office, agency=agency, purpose=purpose)
    language = spoken()
    with working(tell(language, "asking {members}", members=to)), NodeClient(settings, language=language) as node:
        search = node.search(body, token, idempotency_key)
    if as_json:
        print_json(search)
    else:
        show_search(search, settings.node.member, language)
    return 0 if all_answered(search) else 1
