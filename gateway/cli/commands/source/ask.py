"""`liaison source ask`: one source, without a node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from adapters.base import Adapter
from adapters.check.asked import ask_source, by_mapping
from adapters.load import open_source
from gateway.cli.options import (
    NEW_FOLDER,
    VESSEL,
    access_option,
    show_option,
    source_address,
    together,
    value_of,
    vessel_options,
)
from gateway.cli.output import Output, printed, working
from gateway.cli.speech import usage
from gateway.clock import Clock, SystemClock
from gateway.model.query import (
    CaseQuery,
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate, Sex
from gateway.ops.sources.status import kept_sources
from gateway.records.identifiers.query_forms import check_birth
from gateway.views.lines.mapping import asked_lines

_question = together(
    click.option("--name", "names", multiple=True, help="A person's whole name, in any script; may be repeated."),
    click.option("--birth", default="", help="With --name: YYYY, YYYY-MM or YYYY-MM-DD, Gregorian."),
    click.option("--sex", default="", type=click.Choice(["", "M", "F", "X"]), help="With --name."),
    click.option("--nationality", default="", help="With --name: ICAO alpha-3."),
    click.option("--father", default="", help="With --name: the father's name."),
    click.option("--document", default="", help="A document's number."),
    click.option("--issuer", default="", help="With --document: ICAO alpha-3."),
    click.option("--national-id", default="", help="A national identity number."),
    click.option("--scheme", default="", help="With --national-id: such as THA-PIN."),
    click.option("--plate", default="", help="A vehicle's plate."),
    click.option("--province", default="", help="With --plate."),
    click.option("--container", default="", help="A freight container's number."),
    vessel_options,
    click.option("--case", default="", help="The number of a case."),
)
_OF = {
    "names": ("birth", "sex", "nationality", "father"),
    "document": ("issuer",),
    "national_id": ("scheme",),
    "plate": ("province",),
    "container": (),
    **dict.fromkeys(VESSEL, ("flag",)),
    "case": (),
}


@click.command()
@click.argument("source")
@click.option("--home", type=NEW_FOLDER, help="The home that SOURCE is of, when it is an id and no mapping.")
@click.option("--url", default="", callback=source_address, help="Where SOURCE is; `url` in the mapping by default.")
@access_option
@_question
@click.option(
    "--strictness", default="usual", show_default=True, type=click.Choice([each.value for each in Strictness])
)
@show_option
@printed
def ask(
    source: str, home: Path | None, url: str, access: Path | None, strictness: str, show: bool, **question: Any
) -> Output:
    """Ask a source without a node: what it finds, why, and the records. SOURCE is a mapping, or an id with --home.

    \b
    Examples:
      liaison source ask th_police.toml --url sqlite:////srv/police.sqlite --name "สมชาย ใจดี" --birth 1984
      liaison source ask th.police.records --home th --document AA1234567 --show

    No policy is asked and nothing is logged: this shows what the source holds, not what would leave. With a mapping,
    an index of all rows is built in a temporary folder; with --home that of the home is used. Exit code 1 when nothing
    in the source is found by such a question, so that it was not searched.
    """
    clock = SystemClock()
    query = _query(**question)
    with working("asking the source"), _opened(source, home, url, access, clock) as adapter:
        asked = ask_source(adapter, query, Strictness(strictness), clock).as_value(show=show)
    return Output(asked, asked_lines(asked), 0 if asked["searched"] else 1)


@contextmanager
def _opened(source: str, home: Path | None, url: str, access: Path | None, clock: Clock) -> Iterator[Adapter]:
    if home is None:
        if not Path(source).is_file():
            raise usage("{source} is not the file of a mapping; the id of a source needs --home", source=source)
        with by_mapping(Path(source), url, access, clock) as adapter:
            yield adapter
        return
    if url or access:
        raise usage("--home says where the source is: leave --url and --access out")
    (kept,) = kept_sources(home, source, clock)
    if kept.place is None:
        raise usage("{source} runs in a process of its own: ask it at its home", source=source)
    with closing(open_source(kept.place)) as adapter:
        yield adapter


def _query(**question: Any) -> Query:
    """Return the question. Raises `UsageError` unless exactly one thing is asked for."""
    asked = [name for name in _OF if question[name]]
    if len({"vessel" if name in VESSEL else name for name in asked}) != 1:
        raise usage("give one thing to ask for: {options}", options=", ".join(map(_option, _OF)))
    kind = asked[0]
    for details in _OF.values():
        for detail in details:
            if detail not in _OF[kind] and question[detail]:
                raise usage("--{detail} does not belong to {option}", detail=detail, option=_option(kind))
    with value_of("--birth", "YYYY, YYYY-MM or YYYY-MM-DD"):
        birth = PartialDate(question["birth"]) if question["birth"] else None
        if birth:
            check_birth(birth.value, "--birth", SystemClock().now_us())
    with value_of(_option(kind)):
        return _made(kind, birth, question)


def _option(kind: str) -> str:
    return f"--{kind.replace('_', '-').removesuffix('s')}"


def _made(kind: str, birth: PartialDate | None, question: dict[str, Any]) -> Query:
    match kind:
        case "names":
            names = tuple(map(NameForm, question["names"]))
            sex = Sex(question["sex"]) if question["sex"] else None
            return PersonQuery(names, birth, sex, question["nationality"], question["father"])
        case "document":
            return DocumentQuery(question["document"], question["issuer"])
        case "national_id":
            return NationalIdQuery(question["national_id"], question["scheme"])
        case "plate":
            return VehicleQuery(question["plate"], question["province"])
        case "container":
            return ContainerQuery(question["container"])
        case "case":
            return CaseQuery(question["case"])
    return VesselQuery(*(question[each] for each in (*VESSEL, "flag")))
