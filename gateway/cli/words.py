"""Words of a closed list on the command line."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.speech import spoken
from gateway.language.catalogue import tell
from gateway.language.languages import Language


class Word(click.Choice[str]):
    """One of the words in capitals that the docs use; small letters are taken, too, and help shows the docs' form."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word in capitals. Raise `BadParameter` for another one, in the language of this run."""
        if (word := str(value).upper()) in self.choices or (language := spoken()) is Language.EN:
            return super().convert(word, param, ctx)
        told = tell(language, "`{word}` is not one of {words}", word=value, words=", ".join(self.choices))
        raise click.BadParameter(told, ctx, param)
