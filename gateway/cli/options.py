"""Define options and kinds of values that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from certs.hsm.uri import KeyUri, is_uri, parse_uri
from gateway.cli.speech import note_command, spoken
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.language.sentences import remedy as told_remedy
from gateway.language.sentences import sentence

_F = TypeVar("_F", bound=Callable[..., Any])

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


class Word(click.Choice[str]):
    """One of the words in capitals that the docs use; small letters are taken, too, and help shows the docs' form."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word in capitals. Raises `BadParameter` for another one, in the language of this run."""
        if (word := str(value).upper()) in self.choices or (language := spoken()) is Language.EN:
            return super().convert(word, param, ctx)
        told = tell(language, "`{word}` is not one of {words}", word=value, words=", ".join(self.choices))
        raise click.BadParameter(told, ctx, param)


class Code(click.Choice[str]):
    """One of the codes of a list, which help names; an empty text is none."""

    def __init__(self, codes: Iterable[str]) -> None:
        super().__init__([f"{code}" for code in codes])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the code. Raises `BadParameter`, which lists the right ones, in the language of this run."""
        if not (word := str(value).strip().lower()) or word in self.choices:
            return word
        told = tell(spoken(), "`{word}` is not one of {words}", word=value, words=", ".join(self.choices))
        raise click.BadParameter(told, ctx, param)


class Key(click.Path):
    """A private key that signs: its file, or the PKCS#11 URI of a key in a security module."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the file or the URI. Raises `BadParameter` for a file that is missing and a text that is not a URI."""
        if not isinstance(value, str) or not is_uri(value):
            return super().convert(value, param, ctx)
        return Uri().convert(value, param, ctx)


class Uri(click.ParamType[KeyUri]):
    """The PKCS#11 URI of a key in a security module."""

    name = "URI"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> KeyUri:
        """Return the URI. Raises `BadParameter` for a text that is not one."""
        try:
            return parse_uri(str(value))
        except Malformed as error:
            raise click.BadParameter(sentence(error, spoken()), ctx, param) from error


KEY = Key(exists=True, dir_okay=False, path_type=Path)


class Text(click.ParamType[str]):
    """A text that is not blank: an empty variable of a shell is no value."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is. Raises `BadParameter` for a blank one, in the language of this run."""
        if not str(value).strip():
            raise click.BadParameter(tell(spoken(), "it is empty"), ctx, param)
        return str(value)


TEXT = Text()


def together(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Return one decorator for options that several commands take, in this order."""

    def decorate(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def given(option: str) -> bool:
    """Tell whether an option is on the command line; a home from the environment contradicts no other option."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


@contextmanager
def value_of(option: str, remedy: str = "") -> Iterator[None]:
    """Turn a `Malformed` value into a usage error of the option."""
    try:
        yield
    except Malformed as error:
        advice = told_remedy(error, spoken()) or remedy
        told = f"{option}: {sentence(error, spoken())}"
        raise click.UsageError(f"{told} ({advice})" if advice else told) from error


json_option = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=note_command, help="Print one JSON document."
)
home_option = click.option(
    "--home", required=True, type=NEW_FOLDER, envvar="LIAISON_HOME", is_eager=True, help="The node's home."
)
"""It is read before the other options: a time among them is one of the home's country."""

names_option = click.option(
    "--home", type=FOLDER, envvar="LIAISON_HOME", help="Read names with this home's own tables (`names/`), too."
)
source_home = click.option("--home", required=True, type=FOLDER, help="The source process's home.")
witness_home = click.option("--home", required=True, type=FOLDER, help="The domestic witness's home.")
source_option = click.option(
    "--source", "wanted", default="", metavar="ID", help="Only this source. Default: all of them."
)
place_options = together(
    click.option(
        "--home", type=FOLDER, envvar="LIAISON_HOME", is_eager=True, help="The node's home; the node may be running."
    ),
    click.option("--export", "export", type=FOLDER, is_eager=True, help="An export, on any machine."),
    click.option("--index", "index_file", type=NEW_FILE, help="Where the index lies, if not in the home or export."),
    click.option("--rebuild", is_flag=True, help="Throw the index away and build it anew."),
)
held_option = click.option(
    "--key-uri", "held", type=Uri(), help="The PKCS#11 URI of a key that exists: only its public half is written."
)
auditor_key = click.option("--key", type=KEY, help="The key of an appointed auditor.")
fingerprint_option = click.option("--fingerprint", help="Of the first charter.")
member_option = click.option("--member", help="Whose policy it is; by default the folder's own name.")
by_option = click.option("--by", default="", help="Who you are, for the entry; by default the account of the machine.")
page_options = together(
    click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1_000), help="So many at most."),
    click.option("--after", default="", help="Go on behind this place, which the page before ends with."),
)
vessel_options = together(
    click.option("--vessel", default="", help="A vessel's name, in any script."),
    click.option("--imo", default="", help="A vessel's IMO number."),
    click.option("--mmsi", default="", help="A vessel's MMSI."),
    click.option("--call-sign", default="", help="A vessel's call sign."),
    click.option("--local-reg", default="", help="A vessel's local registration, or what is painted on its hull."),
    click.option("--flag", default="", help="With what a vessel is asked for by: ISO 3166-1 alpha-2."),
)
VESSEL = ("vessel", "imo", "mmsi", "call_sign", "local_reg")
"""The options by which a vessel is asked for; several of them are one question. `flag` goes with each."""

unlisted_officer = together(
    *(
        click.option(name, default="", help="For an officer who is not listed in node.toml.")
        for name in ("--role", "--office", "--agency")
    )
)


def source_address(context: click.Context, option: click.Parameter, url: str) -> str:
    """Refuse a given empty address: an empty shell variable does not mean "no source"."""
    is_given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    if is_given and not url.strip():
        raise click.BadParameter("the address is empty", context, option)
    return url


access_option = click.option("--access", type=FILE, help="The source's access file (passwords, certificates).")
show_option = click.option(
    "--show", is_flag=True, help="Show values as they are; otherwise letters and figures are masked."
)


def thresholds_option(default: str) -> Callable[[_F], _F]:
    """Return `--thresholds` with its default."""
    kind = click.Choice(["usual", "strict", "wide", "ranked"])
    return click.option("--thresholds", default=default, show_default=True, type=kind, help="How strict to be.")
