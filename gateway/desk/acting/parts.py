"""The parts that all use cases of the desk work with, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.changes import Changes
from gateway.desk.delivery.authoring import Author
from gateway.desk.holdings.ledger import Ledger
from gateway.desk.pen import Pen
from gateway.desk.roles import Person
from gateway.exchange.parts import Parts
from gateway.model.requester import Officer
from gateway.ports.desk import DeskStore
from gateway.ports.officers import Searches


@dataclass(frozen=True, slots=True)
class Actor:
    """A human who acts at the desk: the officer of a token that was verified for this very call, and the person."""

    officer: Officer
    person: Person


@dataclass(frozen=True, slots=True)
class DeskParts:
    """The parts that the desk's use cases work with. `pseudonym` makes an officer's name for one pair of countries."""

    parts: Parts
    store: DeskStore
    pen: Pen
    author: Author
    changes: Changes
    kept: KeptAnswers
    searches: Searches
    pseudonym: Callable[[str, str], str]
    ledger: Ledger
