"""Say who works at the desk: the officer's token in a file, or in trials the officer's id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from gateway.cli.client import NodeClient
from gateway.cli.inputs.documents import token_in
from gateway.cli.officers import trial_token
from gateway.cli.options import FILE, home_option, together, unlisted_officer
from gateway.cli.output import progress_bars
from gateway.cli.speech import spoken, usage
from gateway.config import Settings, load_settings
from gateway.model.purpose import Purpose

Bars = Callable[[str, int, int], None]
_ANY = Purpose.INVESTIGATION.value
"""A token names a purpose; at the desk no certain one is needed."""

attach_option = click.option(
    "--attach", "files", multiple=True, type=FILE, metavar="FILE", help="A file that goes with it; may be repeated."
)
bearer_options = together(
    home_option,
    click.option("--as", "officer", default="", metavar="OFFICER", help="Who you are, in trials: the officer's id."),
    click.option("--token", type=FILE, help="Who you are: the file with your token."),
    unlisted_officer,
)
"""The options that say whose home, and who acts; they are read by `at_the_desk`."""


def at_the_desk(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `bearer_options`; it gets a `Bearer` in their place."""

    @bearer_options
    def call(
        *arguments: Any,
        home: Path,
        officer: str,
        token: Path | None,
        role: str,
        office: str,
        agency: str,
        **options: Any,
    ) -> Any:
        return command(*arguments, bearer=Bearer(home, officer, token, role, office, agency), **options)

    call.__doc__, call.__name__ = command.__doc__, command.__name__
    params = getattr(command, "__click_params__", [])
    call.__click_params__ = [*params, *getattr(call, "__click_params__", [])]  # type: ignore[attr-defined]
    return call


class Bearer:
    """The person who acts, and the home. The token is read or made when it is first needed."""

    def __init__(self, home: Path, officer: str, token: Path | None, role: str, office: str, agency: str) -> None:
        self.home = home
        self.officer = officer
        self._token = token
        self._place = {"role": role, "office": office, "agency": agency}

    @property
    def is_given(self) -> bool:
        """Tell whether the command line says who acts."""
        return bool(self.officer or self._token)

    def settings(self) -> Settings:
        """Return the settings of the home."""
        return load_settings(self.home)

    def token(self, settings: Settings, purpose: str = _ANY) -> str:
        """Return the token. Raises `UsageError` where the command line does not say who acts, or says it twice."""
        if bool(self.officer) == bool(self._token):
            raise usage("say who you are: --token FILE, or in trials --as OFFICER")
        if self._token is not None:
            return token_in("--token", self._token)
        return trial_token(settings, self.officer, purpose=purpose, **self._place)

    def bring(self, files: Sequence[Path], marking: str = "OFFICIAL") -> list[dict[str, Any]]:
        """Send files to the home's node, with their progress, and return what it says of each."""
        if not files:
            return []
        settings = self.settings()
        with NodeClient(settings, language=spoken()) as node, progress_bars() as bars:
            return [self._bring(node, settings, file, marking, bars) for file in files]

    def _bring(self, node: NodeClient, settings: Settings, file: Path, marking: str, bars: Bars) -> dict[str, Any]:
        size = max(1, file.stat().st_size)
        query = {"name": file.name, "marking": marking}
        return node.bring(file, self.token(settings), query, lambda done: bars(file.name, done, size))

    def attached(self, files: Sequence[Path]) -> dict[str, Any]:
        """Return what a body says of files that are to go with it, once they are at the home's node."""
        return {"attachments": [found["id"] for found in self.bring(files)]} if files else {}

    def save(self, path: str, out: BinaryIO, name: str, size: int, **query: str) -> int:
        """Write a file of the desk to `out`, with its progress; return its bytes."""
        settings = self.settings()
        token = self.token(settings)
        with NodeClient(settings, language=spoken()) as node, progress_bars() as bars:
            return node.save(path, token, query, out, lambda done: bars(name, done, max(1, size)))

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", **query: Any) -> dict[str, Any]:
        """Call the home's node. Raises its refusal, or `Unavailable`."""
        settings = self.settings()
        token = self.token(settings)
        with NodeClient(settings, language=spoken()) as node:
            return node.desk(method, path, token, body, key=key, query=query)
