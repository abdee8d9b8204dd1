"""The page on which an officer says what came of a hit that nothing followed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.console.frame.errors import problem_of
from gateway.console.frame.forms import Form
from gateway.console.frame.navigation import WORKERS
from gateway.console.frame.page import Page, To
from gateway.console.pages.alerts.outcome import OutcomeForm, outcome_form, read_outcome
from gateway.console.pages.threads.doing import once
from gateway.console.pages.threads.forms import thread_path
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.errors import Malformed, Unknown
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role
from gateway.model.handed.work import HitOutcome

PATH = "/outcome"


@dataclass(frozen=True, slots=True)
class HitOutcomeView:
    """The form, and where it is sent."""

    country: str
    outcome: OutcomeForm
    action: str
    faults: Sequence[tuple[str, str]]


def outcomes_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the outcome of a hit: by the search, or by the work that asks for it."""
    pages, by_hit, by_work = _Outcomes(parts), f"{PATH}/{{search}}/{{member}}/{{hit}}", "/desk/work/{work}/outcome"
    return [
        door.get(by_hit, pages.show_hit, (Role.OFFICER,)),
        door.post(by_hit, pages.tell_hit, (Role.OFFICER,)),
        door.get(by_work, pages.show_work, WORKERS),
        door.post(by_work, pages.tell_work, WORKERS),
    ]


class _Outcomes:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show_hit(self, visit: Visit) -> Page:
        """Return the form for a hit of this officer's search."""
        await self._parts.searches.get(visit.officer, visit.part("search"))
        return _page(visit, visit.part("member"), ())

    async def tell_hit(self, visit: Visit, form: Form) -> Answer:
        """Tell the owner what came of the hit, and go to the thread."""
        found: list[ThreadKey] = []

        async def tell_owner() -> None:
            command = HitOutcome(
                search_id=visit.part("search"),
                peer=visit.part("member"),
                hit=_number(visit.part("hit")),
                outcome=read_outcome(form),
            )
            found.append(await self._parts.desk.outcomes.tell(visit.actor, command))

        try:
            await once(self._parts, visit, form, tell_owner)
        except Malformed as error:
            return _page(visit, visit.part("member"), _fault(error, visit))
        return _after(found)

    async def show_work(self, visit: Visit) -> Page:
        """Return the form for the hit that an item of work asks about."""
        item = await self._parts.desk.queue.work(visit.officer, visit.part("work"))
        return _page(visit, item.work.key.peer, ())

    async def tell_work(self, visit: Visit, form: Form) -> Answer:
        """Answer the question for an outcome, and go to the thread."""
        found: list[ThreadKey] = []
        item = await self._parts.desk.queue.work(visit.officer, visit.part("work"))

        async def tell_owner() -> None:
            outcome = read_outcome(form)
            found.append(await self._parts.desk.outcomes.answer(visit.actor, item.work.id, outcome))

        try:
            await once(self._parts, visit, form, tell_owner)
        except Malformed as error:
            return _page(visit, item.work.key.peer, _fault(error, visit))
        return _after(found)


def _page(visit: Visit, member: str, faults: Sequence[tuple[str, str]]) -> Page:
    language = visit.language
    view = HitOutcomeView(
        country=with_country(member, language),
        outcome=outcome_form(language, dict(faults)),
        action=visit.request.url.path,
        faults=faults,
    )
    return Page("pages/outcome.html", tell(language, "What came of the hit"), view, 400 if faults else 200)


def _fault(error: Malformed, visit: Visit) -> tuple[tuple[str, str], ...]:
    named = error.where if error.where in ("grams", "units", "persons", "about") else "substance"
    return ((named, problem_of(error, visit.language).text),)


def _after(found: Sequence[ThreadKey]) -> To:
    return To(thread_path(found[0]) if found else "/desk")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise Unknown("this search has no such hit", code="no-such-hit", where="hit")
    return int(text)
