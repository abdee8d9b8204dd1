"""Tell days and moments as people read them: in the time of their country, by their language, both eras in Thai.

What a page shows is for people; `datetime` attributes and proofs keep UTC. Each page names its zone once, in the line
of officer and time, which stands on each sheet of a print.
"""

from __future__ import annotations

import re
from datetime import date

from gateway.clock import from_us
from gateway.desk.people.times import OFFSETS
from gateway.language.dates import day, local, named_day, year
from gateway.language.languages import Language

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)


def zone(member: str) -> str:
    """Return the zone of a member's time, such as `UTC+7` or `UTC+6:30`."""
    hours, minutes = divmod(OFFSETS.get(member, 0), 60)
    return "UTC" + (f"+{hours}" if hours else "") + (f":{minutes:02d}" if minutes else "")


def stamp(at_us: int, member: str, language: Language) -> str:
    """Return a moment to the second with its zone: what stands on a print must be told apart."""
    at = local(from_us(at_us))
    return f"{day(at.date(), language)} {at:%H:%M:%S} ({zone(member)})"


def hour(at_us: int, now_us: int, language: Language) -> str:
    """Return the time of a moment: `14:30` today, with the day and its name before it on another one."""
    at, now = local(from_us(at_us)), local(from_us(now_us))
    return f"{at:%H:%M}" if at.date() == now.date() else f"{named_day(at.date(), language)} {at:%H:%M}"


def plain_day(text: str, language: Language, *, years: bool = False) -> str:
    """Return a day (`1984-03-02`) in words, with `years` a year (`1984`), too; any other text as it is."""
    if found := _DAY.fullmatch(text):
        try:
            return day(date(*map(int, found.groups())), language)
        except ValueError:
            return text
    return year(int(text), language) if years and _YEAR.fullmatch(text) else text
