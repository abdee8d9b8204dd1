"""Records of police work: Alert, CaseReference, ModusOperandiReport."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from gateway.errors import Malformed
from gateway.model.purpose import Offence
from gateway.model.values import PartialDate
from gateway.records.base import MAX_ITEMS, Identifiers, Names, RecordModel, Texts, further, main
from gateway.records.items import AlertFlags, Route, Things
from gateway.records.words import AlertClass, CaseStatus, DoNot

MAX_HIDDEN = timedelta(hours=48)
"""The longest that an alert may be hidden before the owner renews it (domain, section 2.2)."""


class Alert(RecordModel):
    """A request to act when a person or thing turns up: whom or what, why, and what to do."""

    alert_class: AlertClass | None = main("what the alert asks for")
    names: Names | None = main("names of the person")
    birth: PartialDate | None = main("date of birth, as far as it is known")
    identifiers: Identifiers | None = main("documents and national identity numbers of the person")
    objects: Things | None = main("things sought: plate, container, vessel, document")
    action: str | None = main("what to do, in words that an officer can follow")
    do_not: Annotated[list[DoNot], Field(max_length=MAX_ITEMS)] | None = main("what must not be done")
    reason: str | None = main("why")
    offence: Offence | None = main("offence in view")
    decision_ref: str | None = further("warrant or other decision that the alert rests on")
    flags: AlertFlags | None = further("countries that do not carry it out")
    visible_from: str | None = further("when it becomes visible, RFC 3339")
    hidden_until: str | None = further("until when it is hidden, RFC 3339; 48 hours after `visible_from` at most")
    notice_ref: str | None = further("INTERPOL notice: colour and number")
    geo_scope: Texts | None = further("members or crossing points where it counts")
    contact: str | None = further("contact of the owner around the clock: a role, not a name")

    def check(self) -> None:
        """Check the minimum of an alert: a person (with a birth date) or a thing, the reason, the action."""
        if not (self.objects or self.identifiers or (self.names and self.birth)):
            raise self.refuse("an alert is about nobody", "names", "names and birth date, a document, or a thing")
        for name in ("alert_class", "reason", "action"):
            if not getattr(self, name):
                raise self.refuse("an alert needs it", name)
        if self.hidden_until and self._hidden() > MAX_HIDDEN:
            raise self.refuse("hidden for more than 48 hours", "hidden_until", "renew it when the time is over")

    def _hidden(self) -> timedelta:
        if not self.visible_from:
            raise self.refuse("nothing says from when it is hidden", "visible_from")
        return _instant(self.hidden_until or "", "hidden_until") - _instant(self.visible_from, "visible_from")


class CaseReference(RecordModel):
    """That a unit works on a case. No narrative: it serves to link cases and to keep out of each other's way."""

    case_number: str | None = main("the unit's own number")
    country: str | None = main("country")
    unit: str | None = main("investigating unit")
    offence: Offence | None = main("offence in view")
    status: CaseStatus | None = main("where the investigation stands")
    contact_role: str | None = main("mailbox of a role, not a name")


class ModusOperandiReport(RecordModel):
    """How something is done, without anybody in it: it may go far, as an INTERPOL purple notice does."""

    offence: Offence | None = main("offence in view")
    route: Route | None = main("places of the route, in order")
    method: str | None = main("how it is done")
    concealment: str | None = main("how it is hidden")
    indicators: Texts | None = main("what an officer can notice")
    price: str | None = main("what is paid")
    period: str | None = main("when it was seen")
    pictures: Texts | None = main("pointers to pictures at the owner")
    no_personal_data: Literal[True] | None = main("the author's word that nobody can be recognised")

    def check(self) -> None:
        """Refuse a report without the author's word."""
        if self.no_personal_data is not True:
            raise self.refuse("the author must say that nobody can be recognised", "no_personal_data", "`true`")


def _instant(text: str, field: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("not a point in time", code="bad-field", where=f"Alert.{field}", remedy="RFC 3339") from error
    if when.tzinfo is None:
        raise Malformed("a point in time without its zone", code="bad-field", where=f"Alert.{field}", remedy="RFC 3339")
    return when
