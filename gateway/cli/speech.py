"""Keep the officer's language of one run of the command (`--language`) in click's context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from gateway.language.catalogue import tell
from gateway.language.languages import Language


@dataclass(slots=True)
class Speech:
    """The language of one run; English until the option was read."""

    language: Language = Language.EN


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


def spoken() -> Language:
    """Return the language of this run."""
    context = click.get_current_context(silent=True)
    speech = context.find_object(Speech) if context else None
    return speech.language if speech else Language.EN


def usage(template: str, /, **facts: Any) -> click.UsageError:
    """Return a usage error in the language of this run."""
    return click.UsageError(tell(spoken(), template, **facts))
