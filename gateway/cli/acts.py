"""Share between the commands of acts the option with which people sign, and the printing of a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.options import KEY
from gateway.cli.output import Output
from gateway.clock import rfc3339
from gateway.ops.acts.draft import bring_command, describe_act, sign_command
from gateway.views.lines import Line

_F = TypeVar("_F", bound=Callable[..., Any])


def key_option(whose: str, *, more: str = "") -> Callable[[_F], _F]:
    """Return the decorator of `--key`, which may be given for each person who signs."""
    text = f"{whose} (liaison trust person){more}."
    return click.option("--key", "keys", multiple=True, metavar="KEY", type=KEY, help=text)


def act_output(file: Path, data: bytes) -> Output:
    """Return the content of an act in a file, and the next step."""
    value = describe_act(data) | {"out": str(file)}
    return Output(value, _act_lines(file, value))


def _act_lines(file: Path, value: dict[str, Any]) -> Iterator[Line]:
    yield f"{file}: {value['kind']} for `{value['member']}`, {value['signatures']} of {value['needed']} signed", "good"
    reference = f"; reference: {value['reference']}" if value["reference"] else ""
    yield f"  reason: {value['reason']}{reference}; until {value['expires'][:16]}"
    for name, detail in value["detail"].items():
        yield f"  {name}: {_detail(detail)}"
    yield f"  SHA-256 of what is signed, to compare by voice: {value['hash']}"
    yield f"  next: {sign_command(file) if value['signatures'] < value['needed'] else bring_command(file)}"


def _detail(value: Any) -> str:
    """Return a detail in words that its signers can judge: the ends of classes as times, lists without brackets."""
    if isinstance(value, Mapping):
        ends = ((name, rfc3339(end) if type(end) is int else end) for name, end in value.items())
        return ", ".join(f"{name} {end}" for name, end in ends)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def problem_lines(problem: str | None) -> list[Line]:
    """Return the warning about a copy of the keystore that may still hold erased keys; none without a problem."""
    return [(f"keys may live on in the copy of the keystore: {problem}", "bad")] if problem else []
