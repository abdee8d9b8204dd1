"""Keep of one run in click's context: the officer's language (`--language`), which command it is, whose time counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gateway.language.catalogue import tell
from gateway.language.dates import name_the_zone
from gateway.language.languages import Language

_NAMED = re.compile(r"(?<![\w/-])liaison(?P<path>(?: [a-z][a-z-]*)+)(?P<rest>(?:(?!liaison )[^`;\n])*)", re.ASCII)
_PLACEHOLDER = re.compile(r" --home (?:HOME|…)(?!\w)")
"""The home at hand, in a command that is told; that of somebody else is `THEIRS`."""

_OF_ITS_OWN = re.compile(r" --(?:home|export|help)\b", re.ASCII)
_KINDS = ("source process", "witness")
"""Words of the help of `--home` by which a home is no node's."""


@dataclass(slots=True)
class Speech:
    """The language of one run, and its command; English and none until they were read."""

    language: Language = Language.EN
    context: click.Context | None = None
    _members: dict[tuple[Any, Any], str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command with its groups, such as `liaison desk list`."""
        return self.context.command_path if self.context else "liaison"

    @property
    def home(self) -> Path | None:
        """The home that the command line or the environment names."""
        return self.context.params.get("home") if self.context else None

    @property
    def answers_in_json(self) -> bool:
        """Tell whether the command prints one JSON document."""
        return bool(self.context and self.context.params.get("as_json"))

    def member(self) -> str:
        """Return the member whose home or export this run names, in whose time it reads and tells times.

        It is none (so UTC) where neither is named, and where the file cannot be read: what is wrong with it is the
        command's to tell, and a time that is printed has its zone with it.
        """
        given: Mapping[str, Any] = self.context.params if self.context else {}
        places = given.get("home"), given.get("export") or given.get("folder")
        if places not in self._members:
            from gateway.cli.places import member_of

            self._members[places] = member_of(*places)
        return self._members[places]

    def minutes_ahead(self) -> int:
        """Return by how much the time of that member is ahead of UTC."""
        from gateway.desk.people.times import OFFSETS

        return OFFSETS.get(self.member(), 0)


def _choose(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.ensure_object(Speech).language = Language(value)


language_option = click.option(
    "--language",
    type=click.Choice([item.value for item in Language]),
    default=Language.EN.value,
    show_default=True,
    envvar="LIAISON_LANGUAGE",
    is_eager=True,
    expose_value=False,
    callback=_choose,
    help="Language of what an officer reads.",
)


def note_command(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    """Keep the command that runs, for what an error of it tells to do; callback of an option that all commands have.

    Without `--json` its times are told in the country's time with its zone from here on.
    """
    speech = context.ensure_object(Speech)
    speech.context = context
    if not value:
        name_the_zone(speech.minutes_ahead)
    return value


def spoken() -> Language:
    """Return the language of this run."""
    context = click.get_current_context(silent=True)
    speech = context.find_object(Speech) if context else None
    return speech.language if speech else Language.EN


def usage(template: str, /, **facts: Any) -> click.UsageError:
    """Return a usage error in the language of this run."""
    return click.UsageError(tell(spoken(), template, **facts))


def with_home(line: str, speech: Speech | None) -> str:
    """Return a line whose commands have the `--home` that was given to the running one, so that they can be pasted.

    A command keeps the home that it names itself, but for `HOME`, and gets none of another kind. A home that the
    environment names is there for the next command, too.
    """
    context = speech.context if speech is not None else None
    if context is None or context.get_parameter_source("home") is not ParameterSource.COMMANDLINE:
        return line
    home, kind, root = context.params.get("home"), _kind(context.command), context.find_root().command
    if home is None:
        return line
    from gateway.config import argument

    def told(found: re.Match[str]) -> str:
        path, command = _found(root, found["path"].split())
        if not path or command is None or _kind(command) != kind:
            return found[0]
        if _PLACEHOLDER.search(found["rest"]):
            return _PLACEHOLDER.sub(lambda _: f" --home {argument(home)}", found[0])
        if _OF_ITS_OWN.search(found["rest"]):
            return found[0]
        named = " ".join(("liaison", *path))
        return f"{named} --home {argument(home)}{found[0][len(named) :]}"

    return _NAMED.sub(told, line)


def _found(root: click.Command, words: list[str]) -> tuple[list[str], click.Command | None]:
    """Return the command that words name, and those that name it; an empty list and None for a group, or nothing."""
    command: click.Command | None = root
    for number, word in enumerate(words):
        if not isinstance(command, click.Group):
            return words[:number], command
        command = command.get_command(click.Context(command), word)
    return ([], None) if command is None or isinstance(command, click.Group) else (words, command)


def _kind(command: click.Command) -> str:
    """Return whose home a command takes; an empty text for one that takes none."""
    helps = [one.help or "" for one in command.params if isinstance(one, click.Option) and one.name == "home"]
    return next((kind for kind in _KINDS if kind in helps[0]), "node") if helps else ""
