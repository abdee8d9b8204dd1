"""Carry out decisions of officers of the owning agency on counterparts' requests for consent.

The officer's token proves who decides. The decision counts from the entry of its reply on, which the node writes
(`gateway.desk.consent.replies`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.clock import HOUR_US, Clock
from gateway.desk.consent.book import Consent, Decision
from gateway.desk.consent.reading import ConsentReader
from gateway.desk.consent.records import marked_for_two
from gateway.errors import Forbidden, Malformed, Unauthenticated
from gateway.model.requester import Officer
from gateway.ops.acts.mailbox import Order

MAX_HOURS = 100_000


@dataclass(frozen=True, slots=True)
class ConsentActs:
    """Decisions on requests for consent, at one home.

    `officer_of` checks a token; `check_proof` raises where a token alone does not prove a decision of this person.
    """

    reader: ConsentReader
    clock: Clock
    officer_of: Callable[[str], Officer]
    check_proof: Callable[[str], None]

    def decide(self, order: Order) -> Mapping[str, Any]:
        """Note an officer's decision. Raises `Unauthenticated`, `Forbidden`, `Malformed`, `Stale`, `Unknown`."""
        name, granted, hours = _wanted(order.detail)
        if not order.token:
            raise Unauthenticated("deciding needs an officer's token", code="proof-needed", where="--as")
        officer = self.officer_of(order.token)
        book, now_us = self.reader.book, self.clock.now_us()
        consent = book.get(name, now_us)
        _check_owner(consent, officer)
        self.check_proof(officer.person)
        if granted:
            self._check_one_decides(consent)
        decision = self._decision(consent, officer, order, granted, hours, now_us)
        if not _again(consent, decision):
            book.decide(consent, decision)
        return self.reader.summary(book.get(consent.key, now_us))

    def _check_one_decides(self, consent: Consent) -> None:
        """Raise `Forbidden` where the record's marking demands two persons, who decide at the desk."""
        hit = consent.ask.hit
        if hit is not None and marked_for_two(self.reader.kept, consent.notice.head.sender, hit):
            raise Forbidden(
                "{persons} different persons decide this, and {count} did",
                code="persons-needed",
                where="--id",
                remedy="decide at the desk, and then the second person: `liaison desk decide`, `liaison desk sign`",
                persons=2,
                count=1,
            )

    def _decision(
        self, consent: Consent, officer: Officer, order: Order, granted: bool, hours: float | None, now_us: int
    ) -> Decision:
        until_us = consent.notice.head.expires_us if hours is None else now_us + int(hours * HOUR_US)
        return Decision(
            granted,
            officer.person,
            order.reason,
            now_us,
            until_us if granted else 0,
            role=officer.role,
            office=officer.office,
            agency=officer.agency,
            token=officer.token_hash.hex(),
            order=order.id,
            exchange_id=consent.ask.hit.exchange_id if consent.ask.hit is not None else "",
        )


def _check_owner(consent: Consent, officer: Officer) -> None:
    member, agency = consent.notice.head.recipient, consent.thread.agency
    if officer.agency != agency:
        raise Forbidden(
            "the record belongs to `{member}.{agency}`, and the officer is of `{officer_agency}`",
            code="not-the-owner",
            where="--as",
            remedy="an officer of the agency that owns the record decides",
            member=member,
            agency=agency,
            officer_agency=officer.agency,
        )


def _again(consent: Consent, decision: Decision) -> bool:
    """Return whether this very act was noted before a crash."""
    return consent.decision is not None and consent.decision.order == decision.order


def _wanted(detail: Mapping[str, Any]) -> tuple[str, bool, float | None]:
    name, granted, hours = detail.get("consent"), detail.get("granted"), detail.get("hours")
    if set(detail) != {"consent", "granted", "hours"} or not isinstance(name, str) or not isinstance(granted, bool):
        raise Malformed("a decision names the request, and grants or refuses", code="bad-act", where="detail")
    if hours is not None and (type(hours) not in (int, float) or not 0 < hours <= MAX_HOURS):
        raise Malformed("hours are a number above 0", code="bad-act", where="detail.hours")
    return name, granted, hours
