"""Keep the officer's language of one run of the command (`--language`) in click's context, and which command it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.language.catalogue import tell
from gateway.language.languages import Language


@dataclass(slots=True)
class Speech:
    """The language of one run, and its command; English and none until they were read."""

    language: Language = Language.EN
    context: click.Context | None = None

    @property
    def command(self) -> str:
        """The command with its groups, such as `liaison desk list`."""
        return self.context.command_path if self.context else "liaison"

    @property
    def home(self) -> Path | None:
        """The home that the command line or the environment names."""
        return self.context.params.get("home") if self.context else None


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
    """Keep the command that runs, for what an error of it tells to do; callback of an option that all commands have."""
    context.ensure_object(Speech).context = context
    return value


def spoken() -> Language:
    """Return the language of this run."""
    context = click.get_current_context(silent=True)
    speech = context.find_object(Speech) if context else None
    return speech.language if speech else Language.EN


def usage(template: str, /, **facts: Any) -> click.UsageError:
    """Return a usage error in the language of this run."""
    return click.UsageError(tell(spoken(), template, **facts))
