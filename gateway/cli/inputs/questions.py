"""Give commands the options by which a question is asked, and make the question of what was given.

The options are made of the forms of the values (`gateway.records.identifiers.query_forms`). A command that asks for one
kind calls them as the fields are called (`--number`); one that takes several kinds calls each after its thing
(`--document`), and a further value goes with one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import click

from gateway.cli.options import TEXT, Word, together, value_of
from gateway.cli.speech import usage
from gateway.clock import SystemClock
from gateway.model.query import QUERIES, NumberQuery, PersonQuery, Query, QueryKind
from gateway.model.values import NameForm, PartialDate, Sex
from gateway.records.identifiers.query_forms import FORMS, Form

_F = TypeVar("_F", bound=Callable[..., Any])
_TYPED: Mapping[str, Callable[[Any], Any]] = {
    "names": lambda texts: tuple(text if isinstance(text, NameForm) else NameForm(text) for text in texts),
    "birth": PartialDate,
    "sex": Sex,
}
"""Makes a value of its text, for the values of a question that are more than texts."""


class _Value(NamedTuple):
    """A value that an option asks for: the kind of its question, its field and form, and the name of the option."""

    kind: QueryKind
    field: str
    form: Form
    name: str

    @property
    def option(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def given_as(self) -> str:
        return self.name.replace("-", "_")

    def click(self, help_text: str, *, required: bool = False) -> Callable[[_F], _F]:
        """Return the option."""
        if self.field == "names":
            return click.option(self.option, self.given_as, required=required, multiple=True, type=TEXT, help=help_text)
        if required:
            return click.option(self.option, self.given_as, required=True, type=TEXT, help=help_text)
        kind = Word(["", *self.form.choices]) if self.form.choices else None
        return click.option(self.option, self.given_as, default="", type=kind, help=help_text)


def _alone(kind: QueryKind) -> list[_Value]:
    return [_Value(kind, name, form, form.asked_as or name) for name, form in FORMS[kind].items()]


def _together(kinds: Iterable[QueryKind]) -> Iterator[_Value]:
    for kind in kinds:
        yield from (_Value(kind, name, form, form.option or name) for name, form in FORMS[kind].items())


def options_of(kind: QueryKind) -> Callable[[_F], _F]:
    """Return the options of a command that asks for one kind of thing."""
    needed = 1 if issubclass(QUERIES[kind], NumberQuery | PersonQuery) else 0
    values = enumerate(_alone(kind))
    return together(*(value.click(value.form.help, required=place < needed) for place, value in values))


def question_options(kinds: Iterable[QueryKind]) -> Callable[[_F], _F]:
    """Return the options of a command that asks for one thing of several kinds; two kinds may share a further one."""
    values = list(_together(kinds))
    helps: dict[str, list[str]] = {}
    for value in values:
        helps.setdefault(value.name, []).append(_help(value, values))
    named = {value.name: value for value in reversed(values)}
    return together(*(named[name].click(" ".join(said)) for name, said in helps.items()))


def _help(value: _Value, values: list[_Value]) -> str:
    if value.form.option:
        return value.form.help
    first = next(each for each in values if each.kind is value.kind and each.form.option)
    said = value.form.help
    return f"With {first.option}: {said[0].lower() + said[1:] if said[1].islower() else said}"


def question_alone(kind: QueryKind, given: dict[str, Any]) -> Query:
    """Take the values of the options of one kind out of `given`, and return its question. Raises `UsageError`."""
    return _made(kind, _alone(kind), given)


def one_question(kinds: Iterable[QueryKind], given: dict[str, Any], also: Iterable[str] = ()) -> Query:
    """Take the values of the options of several kinds out of `given`, and return the one question that they are.

    `also` are options that ask for something else, which the command reads itself. Raises `UsageError` where nothing or
    more than one thing is asked for, and for a value that goes with another thing.
    """
    values = list(_together(kinds))
    asked = [value for value in values if value.form.option and given[value.given_as]]
    if len({value.kind for value in asked}) != 1:
        options = (*(value.option for value in values if value.form.option), *also)
        raise usage("give one thing to ask for: {options}", options=", ".join(options))
    kind = asked[0].kind
    own = {value.given_as for value in values if value.kind is kind}
    for value in values:
        if value.given_as not in own and given.pop(value.given_as, ""):
            raise misplaced(value.option, asked[0].option)
    return _made(kind, [value for value in values if value.kind is kind], given)


def misplaced(detail: str, option: str) -> click.UsageError:
    """Return the error of an option that goes with another thing than was asked for."""
    return usage("--{detail} does not belong to {option}", detail=detail.removeprefix("--"), option=option)


def _made(kind: QueryKind, values: list[_Value], given: dict[str, Any]) -> Query:
    """Return the question of the values that were given.

    Its details are checked here. A number by which a thing is asked for is checked where it is asked: boxes and records
    bear numbers that are wrong.
    """
    now_us, parts = SystemClock().now_us(), {}
    for value in values:
        if not (said := given.pop(value.given_as)):
            continue
        with value_of(value.option, value.form.help):
            part = _TYPED[value.field](said) if value.field in _TYPED else said
            if not value.form.option:
                value.form.check(said, value.option, now_us)
        parts[value.field] = part
    make: Callable[..., Query] = QUERIES[kind]
    asked = next((value.option for value in values if value.field in parts and value.form.option), f"{kind}")
    with value_of(asked):
        return make(**parts)


def body_of(query: Query) -> dict[str, Any]:
    """Return a question as the REST API takes it; what is empty is left out."""
    body: dict[str, Any] = {"kind": query.kind.value, **{name: getattr(query, name) for name in FORMS[query.kind]}}
    if isinstance(query, PersonQuery):
        body["names"] = [{"text": name.text, "script": name.script, "lang": name.lang} for name in query.names]
        body["birth"] = {"value": query.birth.value} if query.birth else None
    return {name: value for name, value in body.items() if value}
