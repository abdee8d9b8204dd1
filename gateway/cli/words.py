"""Words of a closed list on the command line."""

from __future__ import annotations

from typing import Any

import click


class Word(click.Choice[str]):
    """One of the words in capitals that the docs use; small letters are taken, too, and help shows the docs' form."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word in capitals; `BadParameter` for another one."""
        return super().convert(value.upper(), param, ctx)
