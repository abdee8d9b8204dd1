"""Tell wrong usage in the officer's language."""

from __future__ import annotations

import click

from gateway.cli.output import say
from gateway.cli.speech import Speech
from gateway.errors import Reason
from gateway.language.catalogue import tell
from gateway.language.languages import Language


def show_usage(error: click.ClickException, language: Language) -> None:
    """Print wrong usage in `language`; the usage line of the command stays as it is."""
    if language is Language.EN or not isinstance(error, click.UsageError):
        error.show()
        return
    if error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(tell(language, "help: {command}", command=f"{error.ctx.command_path} --help"), err=True)
    say(tell(language, "error: {error}", error=_usage_sentence(error, language)), "bad", err=True)


def usage_problem(error: click.ClickException, speech: Speech) -> dict[str, str]:
    """Return wrong usage for the JSON document of a refusal."""
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else speech.command
    told = {"message": error.format_message(), "remedy": f"{command} --help"}
    return {"code": "usage", "reason": Reason.INVALID_ARGUMENT.value, **told}


def _usage_sentence(error: click.UsageError, language: Language) -> str:
    """Return the sentence of an error of click's own in `language`; every other has been told in it already."""
    match error:
        case click.NoSuchOption():
            return tell(language, "there is no option `{option}`", option=error.option_name)
        case click.NoSuchCommand():
            told = tell(language, "there is no command `{command}`", command=error.command_name)
            near = (error.possibilities or [""])[0]
            return f"{told}; {tell(language, 'did you mean `{word}`?', word=near)}" if near else told
        case click.MissingParameter(param=click.Parameter() as missing):
            return tell(language, "`{option}` is missing", option=missing.opts[0])
        case click.BadParameter(param=click.Parameter() as wrong):
            return f"{wrong.opts[0]}: {error.message}"
        case _:
            return error.format_message()
