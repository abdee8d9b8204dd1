"""Act on something of ours from its page: approve or decline what a colleague wrote, and show it as it stands then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, text_of
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Field, Hidden
from gateway.console.visits.door import Answer
from gateway.console.visits.visit import Visit
from gateway.desk.acting.parts import Actor
from gateway.errors import Malformed, Refused, Stale
from gateway.language.languages import Language
from gateway.model.handed.work import Approve
from gateway.model.names import ExchangeId, exchange_id
from gateway.ports.desk import Work

WORK = "work"
"""The hidden field of an approval's form that names the work on the page, so that nothing else is approved by it."""

Fault = tuple[str, str]
"""A field, and what is wrong with it."""

OwnAct = Callable[[ExchangeId], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Approval:
    """The form of the second person (`pages/approval.html`), who answers for the matter as `person` does."""

    person: str
    reason: Field
    hidden: tuple[Hidden, ...]


def approval(work: Work, person: str, wrong: Mapping[str, str], language: Language) -> Approval:
    """Return the form that approves or declines what `person` asks for; `wrong` are faults by field."""
    reason = field_of(Approve, "reason", language, fault=wrong.get("reason", ""))
    return Approval(person, reason, (Hidden(WORK, work.id),))


class Approvable(Protocol):
    """Kinds whose changes wait for a second person."""

    async def approve(self, actor: Actor, name: ExchangeId, reason: str, work: str, /) -> object:
        """Approve one. Raises `Forbidden` for its author, and `Stale` where other work than `work` waits by now."""

    async def decline(self, actor: Actor, name: ExchangeId, reason: str, work: str, /) -> None:
        """Decline one. Raises as `approve` does."""


def decision(own: Approvable, visit: Visit, form: Form, field: str = "reason") -> OwnAct:
    """Return the act that the buttons of an approval's form ask for; `field` holds the reason, needed to decline."""

    async def act(name: ExchangeId) -> None:
        reason = text_of(form, Approve, "reason", field)
        if form.one("act") == "approve":
            await own.approve(visit.actor, name, reason, form.one(WORK))
        elif not reason:
            raise Malformed("say why you do not approve it", code="reason-missing", where="reason")
        else:
            await own.decline(visit.actor, name, reason, form.one(WORK))

    return act


async def done(
    visit: Visit,
    path: str,
    act: OwnAct,
    page: Callable[[Visit, ExchangeId, tuple[Fault, ...]], Awaitable[Page]],
    field: str,
    *,
    fields: Collection[str] = (),
    shown: tuple[type[Refused], ...] = (Malformed,),
) -> Answer:
    """Do what a form asks, and show the page as it is then; so a second press of its button shows the same.

    One who decided what does not wait any more, while something else does, is told so before they read that.
    Errors of the kinds `shown` stand on the page, beside the one of `fields` that they name, or beside `field`.
    """
    name = exchange_id(visit.part("id"))
    try:
        await act(name)
    except Refused as error:
        if isinstance(error, Stale) and error.code != "already-decided":
            return To(f"{path}/{name}")
        if not isinstance(error, (Stale, *shown)):
            raise
        where = error.where if error.where in fields else field
        return await page(visit, name, ((where, fault_of(error, visit.language)),))
    return To(f"{path}/{name}")
