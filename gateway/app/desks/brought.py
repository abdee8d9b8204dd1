"""Give the rows that each kind brings to the desk, over which the composition root loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.app.rounds import Round
from gateway.desk.worklist.uses import SecondPerson
from gateway.model.desk.threads import ThreadKind
from gateway.ports.desk import DeskRows

Wake = Callable[[DeskRows], object]
"""Takes in the rows of an entry that is durable, at once: on the loop, and it does not block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Says what a kind brings: its rounds, who decides what waits for a second person, and what wakes by its rows.

    What notices of a kind do is a table beside it (`EffectTable`), since notices are written with it.
    """

    rounds: Sequence[Round]
    decides: Mapping[ThreadKind, SecondPerson] = MappingProxyType({})
    wakes: Sequence[Wake] = ()
