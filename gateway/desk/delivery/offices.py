"""Hold an ask to the offices that the recipient's descriptor lets its author's office address (decision 0082).

The author is told before anything is written, and the taker looks again at its own descriptor: no notice of a
counterpart raises work for an office that does not exist.
"""

from __future__ import annotations

from gateway.errors import Forbidden
from gateway.model.desk.notices import Alert, Ask, Body, Service
from gateway.trust.documents.descriptor import Descriptor

_OPENING = (Ask, Alert, Service)
"""The bodies of notices that go to an office. A change goes to whoever holds the record."""


def check_own_office(own: Descriptor, body: Body, author: str, office: str) -> None:
    """Raise `Forbidden` for a notice to an office that we do not have, and like `check_office`.

    What is said later in a thread has its way already, also where the office was closed meanwhile.
    """
    if office and isinstance(body, _OPENING) and office not in own.offices:
        raise no_office(own, office)
    check_office(own, body, author, office)


def check_office(recipient: Descriptor, body: Body, author: str, office: str) -> None:
    """Raise `Forbidden` unless the office `author` may address this office of the recipient with an ask.

    The codes are `unknown-office` and `not-facing`. An ask that names no office goes to the desk of the owner's agency.
    """
    reach = recipient.addressable
    if not office or not isinstance(body, Ask) or reach.admits(author, office):
        return
    if office not in recipient.offices:
        raise no_office(recipient, office)
    raise Forbidden(
        "the office `{author}` does not face `{office}`, which is no national desk",
        code="not-facing",
        where="to_office",
        remedy="name the office that faces yours, or a national desk: {desks}",
        author=author,
        office=office,
        desks=", ".join(reach.national_desks) or "none is listed",
    )


def no_office(recipient: Descriptor, office: str, where: str = "to_office") -> Forbidden:
    """Return the error for an office that its member does not have."""
    return Forbidden(
        "`{member}` has no office `{office}`",
        code="unknown-office",
        where=where,
        remedy="`liaison trust show --json` lists its offices",
        member=recipient.member,
        office=office,
    )
