"""Read the duty cards of a home: whom to phone at each counterpart, as the country keeps it in `people/cards.csv`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.desk.people.table import Row, read_rows
from gateway.errors import Misconfigured, SeveralMistakes
from gateway.model.names import identifier, member_id

CARDS = "cards.csv"
CARD_COLUMNS = ("member", "office", "name", "phone", "languages", "hours")

CARDS_EXAMPLE = f"""\
# Whom to phone at each counterpart, one desk a line: for when its node is silent, or when a life depends on it.
#   member     the counterpart: vn
#   office     its desk, such as vn.national
#   phone      with the code of the country: +84 24 1234 5678
#   languages  those that are spoken there: vi en
#   hours      when somebody answers, such as 24/7 or 08:00-17:00
# Agree on these numbers with the counterpart, and call each of them once a month.
{",".join(CARD_COLUMNS)}
"""


class DutyCard(msgspec.Struct, frozen=True):
    """A desk of a counterpart that answers the phone."""

    member: str
    office: str
    name: str
    phone: str
    languages: str = ""
    hours: str = ""


def read_cards(folder: Path, own: str) -> tuple[DutyCard, ...]:
    """Return the duty cards in a folder, in the order of its lines; none where there is no file.

    Raises `Misconfigured` with file and line, or `SeveralMistakes`.
    """
    problems: list[Misconfigured] = []
    cards = read_rows(folder / CARDS, CARD_COLUMNS, own, _card, problems)
    if problems:
        raise problems[0] if len(problems) == 1 else SeveralMistakes(problems)
    return tuple(cards)


def _card(row: Row) -> DutyCard:
    cells = row.cells
    member, office = member_id(cells["member"].lower()), identifier(cells["office"], "office")
    if not office.startswith(f"{member}."):
        remedy = "such as `{member}.national`"
        raise row.wrong("`{office}` is no office of `{member}`", remedy, office=office, member=member)
    if not cells["phone"]:
        raise row.wrong("a duty card has a phone number", "+84 24 1234 5678")
    return DutyCard(member, office, cells["name"], cells["phone"], cells["languages"], cells["hours"])
