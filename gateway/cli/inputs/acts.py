"""Share between the commands of acts the option with which people sign, and the printing of a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.inputs.moments import TIME
from gateway.cli.inputs.periods import in_order
from gateway.cli.options import KEY, together
from gateway.cli.output import Output
from gateway.clock import rfc3339_s, to_micros
from gateway.errors import LiaisonError
from gateway.language.dates import with_zones
from gateway.model.evidence.retention import read_steps
from gateway.ops.acts.draft import bring_command, describe_act, sign_command
from gateway.ops.acts.erasures import MAX_ERASED
from gateway.ops.retention.forget_plan import Subject, unread_lines
from gateway.views.lines import Line, Next, exact

_F = TypeVar("_F", bound=Callable[..., Any])


def key_option(whose: str, *, more: str = "") -> Callable[[_F], _F]:
    """Return the decorator of `--key`, which may be given for each person who signs."""
    text = f"{whose} (liaison trust person){more}."
    return click.option("--key", "keys", multiple=True, metavar="KEY", type=KEY, help=text)


def subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that mean a subject; it gets them as `subject`."""

    @wraps(command)
    def call(
        *arguments: Any,
        numbers: tuple[str, ...],
        records: tuple[str, ...],
        since: datetime | None,
        before: datetime | None,
        complete: bool,
        **options: Any,
    ) -> Any:
        subject = Subject(numbers, records, to_micros(since), to_micros(before), complete)
        return command(*arguments, subject=subject, **options)

    return _SUBJECT(call)


_SUBJECT = together(
    click.option(
        "--number", "numbers", multiple=True, metavar="NUMBER", help="A document, person or vehicle; repeatable."
    ),
    click.option(
        "--record", "records", multiple=True, metavar="RECORD", help="A record, as audit find has it; repeatable."
    ),
    click.option(
        "--from", "since", type=TIME, callback=in_order, help="With --number or --record: entries from this time on."
    ),
    click.option("--before", type=TIME, callback=in_order, help="With --number or --record: entries before this time."),
    click.option("--complete", is_flag=True, help="With --number or --record: open every entry, and use no index."),
)


def _places(value: str) -> str:
    """Return in words what may be the steps between indexes: how many there are, and the first and last."""
    try:
        indexes = read_steps(value, MAX_ERASED)
    except LiaisonError:
        return value
    return f"{len(indexes):,} entries, {indexes[0]} to {indexes[-1]}"


def act_output(file: Path, data: bytes) -> Output:
    """Return the content of an act in a file, and the next step."""
    value = describe_act(data) | {"out": str(file)}
    return Output(value, _act_lines(file, value))


def with_unread(output: Output, unread: int) -> Output:
    """Return an output about a subject that says how many entries could not be judged, with exit code 3 for some."""
    return Output(output.value | {"unread": unread}, [*output.lines, *unread_lines(unread)], 3 if unread else 0)


@exact
def _act_lines(file: Path, value: dict[str, Any]) -> Iterator[Line]:
    yield f"{file}: {value['kind']} for `{value['member']}`, {value['signatures']} of {value['needed']} signed", "good"
    reference = f"; reference: {value['reference']}" if value["reference"] else ""
    yield f"  reason: {value['reason']}{reference}; until {with_zones(value['expires'])}"
    for name, detail in value["detail"].items():
        yield f"  {name.removesuffix('_us')}: {_detail(name, detail)}"
    yield f"  SHA-256 of what is signed, to compare by voice: {value['hash']}"
    yield Next(f"  next: {sign_command(file) if value['signatures'] < value['needed'] else bring_command(file)}")


def _detail(name: str, value: Any) -> str:
    """Return a detail in words that its signers can judge: times in the one form, lists without brackets."""
    if isinstance(value, Mapping):
        ends = (
            (part, _time(end) if type(end) is int else _places(end) if isinstance(end, str) else end)
            for part, end in value.items()
        )
        return ", ".join(f"{part} {end}" for part, end in ends)
    if type(value) is int and name.endswith("_us"):
        return _time(value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _time(time_us: int) -> str:
    return with_zones(rfc3339_s(time_us))


def problem_lines(problem: str | None) -> list[Line]:
    """Return the warning about a copy of the keystore that may still hold erased keys; none without a problem."""
    return [(f"keys may live on in the copy of the keystore: {problem}", "bad")] if problem else []
