"""Share between the commands of acts the option with which people sign, and the printing of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.output import print_json, say
from gateway.clock import rfc3339
from gateway.ops.acts.draft import bring_command, describe_act, sign_command

_F = TypeVar("_F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


def key_option(whose: str, *, more: str = "") -> Callable[[_F], _F]:
    """Return the decorator of `--key`, which may be given for each person who signs."""
    text = f"{whose} (liaison trust person){more}."
    return click.option("--key", "keys", multiple=True, metavar="FILE", type=_FILE, help=text)


def tell_act(file: Path, data: bytes, *, as_json: bool) -> int:
    """Print the content of an act and the next step; return the exit code."""
    value = describe_act(data) | {"out": str(file)}
    if as_json:
        print_json(value)
        return 0
    say(f"{file}: {value['kind']} for `{value['member']}`, {value['signatures']} of {value['needed']} signed", "good")
    reference = f"; reference: {value['reference']}" if value["reference"] else ""
    say(f"  reason: {value['reason']}{reference}; until {value['expires'][:16]}")
    for name, detail in value["detail"].items():
        say(f"  {name}: {_detail(detail)}")
    say(f"  SHA-256 of what is signed, to compare by voice: {value['hash']}")
    say(f"  next: {sign_command(file) if value['signatures'] < value['needed'] else bring_command(file)}")
    return 0


def _detail(value: Any) -> str:
    """Return a detail in words that its signers can judge: the ends of classes as times, lists without brackets."""
    if isinstance(value, Mapping):
        ends = ((name, rfc3339(end) if type(end) is int else end) for name, end in value.items())
        return ", ".join(f"{name} {end}" for name, end in ends)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
