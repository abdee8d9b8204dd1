"""The use of a record from abroad as an officer asks for it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec.structs import replace

from gateway.errors import Malformed
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.faces.fields import Exchange, Said, Text, Whole
from gateway.model.handed.basis import MAX_REASON
from gateway.model.handed.work import SearchId
from gateway.model.names import ExchangeId
from gateway.model.purpose import Purpose


class UseOnward(msgspec.Struct, frozen=True, kw_only=True):
    """A use of one record of the search. Passing on names who is to have it."""

    search_id: SearchId
    exchange_id: Annotated[ExchangeId, Exchange(help="The exchange id of that country's line.")]
    hit: Annotated[int, Whole(0, 1000, help="Which hit of the line, from 0.")]
    to: Annotated[Place | None, Said(help="Who is to have it; by default it stays in the officer's own office.")] = None
    purpose: Annotated[Purpose, Said(help="Why.")]
    use: Annotated[Use, Said(help="What is done with it.")]
    reason: Annotated[
        str, Text(MAX_REASON, help="Why; it is logged, and goes to the owner with a request for consent.", long=True)
    ]

    def placed(self, own: Place) -> UseOnward:
        """Return the use with who is to have it, by default the officer's `own` place. Raises `Malformed`."""
        if self.to is None and self.use is Use.PASS_ON:
            raise Malformed("nobody is named", code="bad-onward", where="to", remedy="say who is to have it")
        return replace(self, to=self.to or own)

    @property
    def wanted(self) -> OnwardUse:
        """Return the use as its owner is asked for it."""
        assert self.to is not None, "it is placed"
        return OnwardUse(self.to, self.purpose, self.use)
