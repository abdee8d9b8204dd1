"""Hold notices to the offices that the recipient's descriptor has, and asks to those that it lets their author's office
address (decision 0082).

The author is told before anything is written, and the taker looks again at its own descriptor: no notice of a
counterpart raises work for an office that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.errors import Forbidden
from gateway.model.desk.notices import Alert, Ask, Body, Service
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.view import TrustView

_OPENING = (Ask, Alert, Service)
"""The bodies of notices that go to an office. A change goes to the holder of the record."""


def check_office(recipient: Descriptor, body: Body, author: str, office: str) -> None:
    """Raise `Forbidden` unless the recipient has this office, and the office `author` may address it with an ask.

    The codes are `unknown-office` and `not-facing`. An ask that names no office goes to the agency that answers for it.
    """
    if not office or not isinstance(body, _OPENING):
        return
    check_offices(recipient, (office,))
    reach = recipient.addressable
    if not isinstance(body, Ask) or reach.admits(author, office):
        return
    raise Forbidden(
        "the office `{author}` does not face `{office}`, which is no national desk",
        code="not-facing",
        where="to_office",
        remedy="name the office that faces yours, or a national desk: {desks}",
        author=author,
        office=office,
        desks=", ".join(reach.national_desks) or "none is listed",
    )


def check_offices(recipient: Descriptor, offices: Iterable[str], where: str = "to_office") -> None:
    """Raise `Forbidden` for an office that a member does not have, or has no more, as its descriptor says."""
    for office in offices:
        if office not in recipient.offices:
            raise Forbidden(
                "`{member}` has no office `{office}`",
                code="unknown-office",
                where=where,
                remedy="`liaison trust show --json` lists its offices",
                member=recipient.member,
                office=office,
            )


class Addressed(Protocol):
    """A member to which something goes; without offices it goes to all of its offices."""

    @property
    def member(self) -> str:
        """The member's id."""

    @property
    def offices(self) -> tuple[str, ...]:
        """The offices that are named."""


def closed_offices(trust: TrustView, to: Addressed) -> tuple[str, ...]:
    """Return the named offices that a member has no more: what was asked for them goes to the others."""
    there = trust.descriptor(to.member).offices if to.member in trust.members else ()
    return tuple(office for office in to.offices if office not in there)


def is_reached(trust: TrustView, to: Addressed) -> bool:
    """Tell whether a member has one of the offices that were named; without a name it has."""
    return not to.offices or len(closed_offices(trust, to)) < len(to.offices)


def check_reached(trust: TrustView, to: Iterable[Addressed]) -> None:
    """Raise `Forbidden` where no member has one of its named offices any more: an approval would reach nowhere."""
    addressed = tuple(to)
    if any(is_reached(trust, one) for one in addressed):
        return
    raise Forbidden(
        "none of these offices is there any more: {offices}",
        code="unknown-office",
        where="to",
        remedy="decline it; who asked for it names offices that `liaison trust show --json` lists",
        offices=", ".join(office for one in addressed for office in one.offices),
    )


def office_still_reached(recipient: Descriptor, body: Body, author: str, office: str) -> str:
    """Return the office for a later notice of a thread; none once it cannot be addressed: the thread has its way."""
    try:
        check_office(recipient, body, author, office)
    except Forbidden:
        return ""
    return office
