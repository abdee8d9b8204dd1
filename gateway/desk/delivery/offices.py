"""Hold notices to the offices that the recipient's descriptor has, and asks to those that it lets their author's office
address (decision 0082).

The author is told before anything is written, and the taker looks again at its own descriptor: no notice of a
counterpart raises work for an office that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.errors import Forbidden
from gateway.model.desk.notices import Alert, Ask, Body, Service
from gateway.trust.documents.descriptor import Descriptor

_OPENING = (Ask, Alert, Service)
"""The bodies of notices that go to an office. A change goes to whoever holds the record."""


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


def office_still_reached(recipient: Descriptor, body: Body, author: str, office: str) -> str:
    """Return the office for a later notice of a thread; none once it cannot be addressed: the thread has its way."""
    try:
        check_office(recipient, body, author, office)
    except Forbidden:
        return ""
    return office
