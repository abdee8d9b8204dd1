"""Hold an alert as an officer raises it, its standing at home, and the codes that humans choose from."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.clock import HOUR_US
from gateway.desk.acting.home import Own, OwnKind, Stand
from gateway.desk.acts import Act
from gateway.desk.roles import matter_by
from gateway.desk.widening import (
    ASKED,
    CONTENT,
    ENDS,
    FOLLOWS,
    GROUND,
    HANDLING,
    WHO,
    Way,
    Widens,
    begins,
    later,
    reads_more,
    sooner,
)
from gateway.errors import Unknown
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import OutcomeReport, Urgency
from gateway.model.desk.threads import ThreadKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

USUAL_US = 72 * HOUR_US
"""The time for which an alert is in force, unless its owner says otherwise or renews it."""

LONGEST_US = 90 * 24 * HOUR_US
HIDDEN_US = 48 * HOUR_US
"""The longest that an alert may be hidden for an operation."""

SOURCE = "desk.alerts"
"""The name of the source that alerts are at home, and of the records' own keys there."""


UNSENT = frozenset({Stand.DECLINED, Stand.LAPSED, Stand.OVER})
"""The ends of an alert without a word to those who have it: they never got it, or know its time."""


class OwnAddressee(msgspec.Struct, frozen=True):
    """An addressee of an alert of ours, with the thread in which it gets it and the agreement that covers it."""

    member: MemberId
    offices: tuple[str, ...]
    thread_id: ExchangeId
    agreement: str


class Renewal(msgspec.Struct, frozen=True):
    """An officer's request that an alert holds for longer, which has no effect before it is approved."""

    until_us: int
    by: Officer
    reason: str = ""


class OwnAlert(Own, frozen=True):
    """An alert of ours as it should stand everywhere. `bring_up` makes the threads with counterparts follow it.

    `record` is the record that our agency issued for ourselves, by which it is found at home.
    """

    to: tuple[OwnAddressee, ...]
    fields: dict[str, Any]
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    urgency: Urgency
    raised_us: int
    until_us: int
    repeat_s: int
    to_life: bool
    hidden_until_us: int
    record: str
    signed_us: int
    approver: Officer | None = None
    reason: str = ""
    text: str = ""
    """What those who have it are told of its end; `reason` is then a code."""
    outcome: OutcomeReport | None = None
    operation: str = ""
    """The operation of ours for which it is hidden, at most until `hidden_until_us`."""
    attachments: tuple[Attachment, ...] = ()
    """Files that go with the first notice to each counterpart."""
    renewal: Renewal | None = None

    @property
    def action(self) -> str:
        """The coded action."""
        return str(self.fields["alert_class"])

    def is_told(self, now_us: int) -> bool:
        """Tell whether counterparts, and our own gates, are to know it now."""
        return self.stand is Stand.ON and self.hidden_until_us <= now_us < self.until_us

    def is_hidden(self, now_us: int) -> bool:
        """Tell whether it is kept at home for an operation: no other country has heard of it."""
        return self.hidden_until_us > now_us


WIDENS: Widens = {
    **GROUND,
    "id": CONTENT,
    "author": CONTENT,
    "to": (Way.READERS, reads_more),
    "fields": CONTENT,
    "ticket": HANDLING,
    "urgency": HANDLING,
    "raised_us": CONTENT,
    "until_us": (Way.LONGER, later),
    "repeat_s": HANDLING,
    "to_life": HANDLING,
    "hidden_until_us": (Way.LONGER, sooner),
    "record": FOLLOWS,
    "signed_us": FOLLOWS,
    "stand": (Way.IN_FORCE, begins),
    "approver": WHO,
    "reason": ENDS,
    "text": ENDS,
    "outcome": ENDS,
    "operation": HANDLING,
    "attachments": CONTENT,
    "renewal": ASKED,
}
"""Tells what two persons approve of an alert, by field (`gateway.desk.widening`)."""


class Reader(msgspec.Struct, frozen=True):
    """A counterpart to which an alert would go: the fields and the marking of its record as it would read them."""

    member: MemberId
    offices: tuple[str, ...]
    fields: dict[str, Any]
    marking: dict[str, Any]


class Preview(msgspec.Struct, frozen=True):
    """An alert that was not raised yet, and how each counterpart would read it."""

    alert: OwnAlert
    readers: tuple[Reader, ...]


def _unknown(alert_id: str) -> Unknown:
    return Unknown("there is no alert `{alert}` of ours", code="no-such-alert", where="alert", alert=alert_id[:64])


ALERTS = OwnKind(
    kind=ThreadKind.ALERT,
    value=OwnAlert,
    unknown=_unknown,
    see=Act.SEE,
    matter=lambda alert: matter_by(alert.author),
)
"""Alerts of ours at home."""
