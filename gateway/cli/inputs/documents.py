"""Read what a command takes from a file: a JSON object, or an officer's token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.speech import spoken
from gateway.errors import Malformed, TooLarge
from gateway.language.sentences import sentence
from gateway.signing import strict_json

_LARGEST = 1024 * 1024


def json_object(option: str, file: Path | None) -> dict[str, Any]:
    """Return the JSON object in the file of an option; an empty one where none is given. Raises `UsageError`."""
    if file is None:
        return {}
    try:
        value = strict_json.loads(_begin(file), _LARGEST)
        if not isinstance(value, dict):
            raise Malformed("is not a JSON object", code="bad-json")
    except (Malformed, TooLarge) as error:
        raise click.UsageError(f"{option} {file}: {sentence(error, spoken())}") from error
    return value


def token_in(option: str, file: Path) -> str:
    """Return the officer's token in a file. Raises `UsageError` where what it holds cannot be one."""
    text = _begin(file).decode("ascii", errors="replace").strip()
    if not text.isascii() or not text.isprintable():
        raise click.UsageError(f"{option} {file}: {sentence(_NO_TOKEN, spoken())}")
    return text


_NO_TOKEN = Malformed("holds no officer token", code="bad-token-file")


def _begin(file: Path) -> bytes:
    """Return a file's bytes, and of one that is too large no more than show that it is."""
    with file.open("rb") as opened:
        return opened.read(_LARGEST + 1)
