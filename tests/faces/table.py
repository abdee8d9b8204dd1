"""The table of acts: each subject's life, and how each act of it is done by REST, by command and by form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.faces.acting import Row
from tests.faces.of_the_desk import FREEZE, INCIDENT, ROOM, TOKEN, marked
from tests.faces.told_to_many import ALERT, REPORT, WATCH
from tests.support.nodes import World

SUBJECTS: Mapping[str, Sequence[Row]] = {
    "freeze": FREEZE,
    "incident": INCIDENT,
    "report": REPORT,
    "watch": WATCH,
    "room": ROOM,
    "token": TOKEN,
    "alert": ALERT,
}
"""The lives of the subjects."""

BEFORE: Mapping[str, Callable[[World], Awaitable[dict[str, str]]]] = {"token": marked}
"""Does what must have come before a life, and returns names of it."""

ELSEWHERE = frozenset({"assign", "pass-on", "take", "mark", "take-back", "propose", "first-decision", "review", "lift"})
"""The acts on work, on questions about hits and on what was given."""
