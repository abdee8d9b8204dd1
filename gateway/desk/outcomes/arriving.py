"""Take outcomes: each names a hit in our own answer, or stands in its thread, and its asker tells it."""

from __future__ import annotations

from contextlib import suppress

from gateway.desk.acting.step import last_ask
from gateway.desk.delivery.effects import Effects, EffectTable, Occasion
from gateway.desk.evidence.own_answers import OwnAnswers
from gateway.desk.second_step.questions import check_teller, outcome_group
from gateway.errors import Forbidden, Unknown
from gateway.model.desk.notices import NoticeType, OutcomeReport
from gateway.model.desk.threads import ThreadKind


class OutcomeArrivals:
    """The effects of outcomes. `origin` finds the hits that we gave."""

    def __init__(self, origin: OwnAnswers) -> None:
        self._origin = origin

    @property
    def effects(self) -> EffectTable:
        """The functions by type of notice."""
        return {NoticeType.OUTCOME: self._outcome}

    def _outcome(self, it: Occasion) -> Effects:
        """Return the agency whose hit it is. Raises `Forbidden` for a stranger, or for a hit that is not ours."""
        outcome = it.notice.body
        assert isinstance(outcome, OutcomeReport)
        if it.thread.kind is not ThreadKind.OUTCOME:
            if outcome.hit is not None:
                raise Forbidden("the thread says itself what it is about", code="wrong-hit", where="hit")
            if not it.ours and it.thread.kind is ThreadKind.ASK:
                _check_asker(it)
            return Effects()
        if outcome.hit is None or outcome_group(outcome.hit) != it.thread.group_id:
            raise Forbidden("the outcome names no hit of this thread", code="wrong-hit", where="hit")
        if it.ours:
            return Effects()
        found = self._origin.find(it.thread.key.peer, outcome.hit)
        check_teller(found.request.requester, it.notice.head.requester)
        return Effects(agency=found.agency)


def _check_asker(it: Occasion) -> None:
    """Raise `Forbidden` where another office than the asker's tells the outcome; an ask that is erased names none."""
    with suppress(Unknown):
        _, asked, _ = last_ask(it.store.notices(it.thread.key))
        check_teller(asked.head.requester, it.notice.head.requester)
