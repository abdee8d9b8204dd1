"""`liaison ask`: an officer's question to other countries, through the node's own REST API."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import NodeClient
from gateway.cli.inputs.questions import body_of, options_of, question_alone
from gateway.cli.officers import trial_token
from gateway.cli.options import TEXT, Word, home_option, json_option, together, unlisted_officer, value_of
from gateway.cli.output import say
from gateway.cli.searches import remembered, show_search
from gateway.cli.speech import spoken, usage
from gateway.config import load_settings
from gateway.desk.reports.wanted import asked_keys
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import sentence
from gateway.language.terms import OFFENCES, TITLES
from gateway.model.names import member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import ContainerQuery, QueryKind, ReportQuery
from gateway.model.values import NameForm
from gateway.ops.members.askable import not_askable
from gateway.records.identifiers.conveyances import read_container
from gateway.records.identifiers.query_forms import QUESTIONS

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


_OF_NAMES = together(
    click.option("--script", default="", help="ISO 15924 (Thai, Khmr, Latn); detected by default."),
    click.option("--lang", default="", help="BCP 47 (th, vi)."),
)


_WHO = "--home th --as th.o.1042"
"""Who asks in the examples."""


def _command(kind: QueryKind) -> click.Command:
    """Return the command that asks for one kind of thing."""
    described = QUESTIONS[kind]
    name = kind.replace("_", "-")
    example = f"liaison ask {name} {_WHO} {described.example}"
    parts = (TITLES[kind], described.more, f"\b\nExample:\n  {example} \\\n          {described.ground}")

    def ask(**given: Any) -> int:
        if kind is QueryKind.PERSON:
            script, lang = given.pop("script"), given.pop("lang")
            given["name"] = [NameForm(text, script, lang) for text in given["name"]]
        query = question_alone(kind, given)
        if isinstance(query, ReportQuery):
            with value_of("report"):
                asked_keys(query)
        if isinstance(query, ContainerQuery):
            for problem in _doubts(query.number, spoken()):
                say(tell(spoken(), "note: look at the number again: {problem}", problem=problem), "warn", err=True)
        return _ask(body_of(query), **given)

    of_names = [_OF_NAMES] if kind is QueryKind.PERSON else []
    ask.__doc__ = "\n\n".join(filter(None, parts))
    return click.command(name)(together(options_of(kind), *of_names, _common)(ask))


COMMANDS = tuple(map(_command, QUESTIONS))
"""The commands of `liaison ask`: one for each kind of question."""


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
