"""The page on which people make a passkey on their own device; two persons sign before it counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.console.frame.forms import Form
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Row
from gateway.console.pages.admin.people import PASSKEY_PATH
from gateway.console.pages.admin.sections import at_us
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.evidence.passkeys import Enrolled
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ops.acts.enrolment import WaitingPasskey


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """The person's own passkeys, those that wait, and the form that makes one; `options` are for the browser."""

    banners: Sequence[Banner]
    rows: Sequence[Row]
    options: str


def passkey_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of a person's own passkeys."""
    page = _Passkey(parts)
    return [door.get(PASSKEY_PATH, page.show), door.post(PASSKEY_PATH, page.take)]


class _Passkey:
    def __init__(self, parts: ConsoleParts) -> None:
        self._enrolments = parts.admin.enrolments

    async def show(self, visit: Visit) -> Page:
        """Return the form, with what counts and what waits."""
        person, language = visit.officer.person, visit.language
        options = await asyncio.to_thread(self._enrolments.ask, person)
        waiting = await asyncio.to_thread(self._enrolments.of_person, person)
        enrolled = await asyncio.to_thread(self._enrolments.book.of_person, person)
        view = PasskeyView(
            banners=[_waits(item, language) for item in waiting],
            rows=[_counts(item, language) for item in enrolled],
            options=json.dumps(options),
        )
        return Page("pages/passkey.html", tell(language, "My passkeys"), view)

    async def take(self, visit: Visit, form: Form) -> Answer:
        """Keep what the device answered, until two persons have signed."""
        await asyncio.to_thread(self._enrolments.take, visit.officer.person, form.one("assertion"))
        return To(PASSKEY_PATH)


def _waits(item: WaitingPasskey, language: Language) -> Banner:
    title = tell(language, "Number {number} waits for two persons", number=item.id)
    until = tell(language, "until {time}", time=at_us(item.until_us, language))
    return Banner(title, (until,), "warn")


def _counts(item: Enrolled, language: Language) -> Row:
    since = tell(language, "counts since {time}", time=at_us(item.enrolled_us, language))
    return Row(
        tell(language, "Passkey"), (since,), note=tell(language, "it has signed {count} times", count=item.counter)
    )
