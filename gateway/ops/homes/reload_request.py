"""Ask the processes that serve a home to read its settings again, and take their answers (`liaison reload`).

The request and the answers are files of the home, so that this works without a connection and between containers.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import msgspec

from gateway.config import Home, load_settings
from gateway.conversion import converter
from gateway.errors import Misconfigured, TimedOut
from gateway.host.durable import PUBLIC, replace
from gateway.ops.homes.lock import places_held

ANSWER_S = 15.0
"""Seconds in which a process answers: it looks for a request once a second."""

_LOOK_S = 0.1


class Reloaded(msgspec.Struct, frozen=True):
    """The answer of one process.

    `live` are the settings that count from now on, `restart` those that count after a restart; `refused` says why
    nothing changed, and is empty otherwise. `id` is that of the request.
    """

    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    refused: str = ""
    id: str = ""


_reloaded = converter(Reloaded)


def request_reload(folder: Path) -> dict[int, Reloaded]:
    """Ask all processes of a home; return the answer of each by its number.

    Raises `Misconfigured` where no process serves the home, `TimedOut` where one does not answer.
    """
    home = Home(folder.resolve())
    if not home.settings.exists():
        load_settings(folder)  # says that this is no home
    places = places_held(home)
    if not places:
        load_settings(folder)
        raise Misconfigured(
            "no process serves this home: the next start reads the settings",
            code="not-running",
            where=str(folder),
            remedy="`liaison serve` starts the node",
        )
    request = secrets.token_hex(16)
    replace(home.reload, msgspec.json.encode({"id": request}), PUBLIC)
    until = time.monotonic() + ANSWER_S
    answers: dict[int, Reloaded] = {}
    while len(answers) < len(places) and time.monotonic() < until:
        time.sleep(_LOOK_S)
        answers |= {place: found for place in places if (found := _answer(home, place)).id == request}
    if len(answers) < len(places):
        raise TimedOut(
            "{count} of {all} processes did not answer in {seconds:g} s",
            code="no-answer",
            where=str(folder),
            remedy="`liaison doctor` says whether they are ready; a process of an earlier version has to be restarted",
            count=len(places) - len(answers),
            all=len(places),
            seconds=ANSWER_S,
        )
    return answers


def asked_reload(home: Home) -> str:
    """Return the id of the newest request; empty without one that can be read."""
    return _read(home.reload).id


def answer_reload(home: Home, place: int, answer: Reloaded) -> None:
    """Write the answer of the process of this number."""
    replace(home.reloaded(place), msgspec.json.encode(answer), PUBLIC)


def _answer(home: Home, place: int) -> Reloaded:
    return _read(home.reloaded(place))


def _read(file: Path) -> Reloaded:
    try:
        return _reloaded(msgspec.json.decode(file.read_bytes()))
    except (OSError, msgspec.MsgspecError):
        return Reloaded()
