"""Issue a record anew for a holder of an older copy: as its source has it now, under the marking and policy of now.

The holder gets the fields that it had, as far as policy lets a human give them, bound to the question that the older
copy answered: a request, or the ask of a package. The human is the one who changes the record. A source that signs its
records by itself issues them in answer to a question only: its holders are told to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from gateway.clock import SECOND_US
from gateway.desk.originator.evidence import Evidence, Given, Ground
from gateway.desk.originator.reading import read_records
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.work import HoldingState
from gateway.model.hit import SourceRecord
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Holding
from gateway.records.claims import claims_of
from gateway.records.sdjwt import issue, present
from policy.attributes import RecordAttributes


class Renewed(msgspec.Struct, frozen=True):
    """A record that was issued anew, with its row. `ask_again` tells that it can be given to a new question only."""

    compact: str = ""
    row: Holding | None = None
    ask_again: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """Reads records anew from our sources, and signs them for their holders."""

    parts: Parts
    walls: Sequence[Bulkhead]
    evidence: Evidence

    async def __call__(self, copy: Holding, holder: MemberId, notice_id: ExchangeId, ground: Ground) -> Renewed:
        """Return the record for the change with this id, and its row; neither where nothing of it may be given.

        Raises `Unavailable` where its source cannot be asked now.
        """
        source, _, key = copy.record.partition("/")
        wall = next((wall for wall in self.walls if wall.description.id == source), None)
        given = await asyncio.to_thread(self.evidence.given, holder, copy)
        if wall is None:
            return Renewed()
        if wall.signs or given is None:
            return Renewed(ask_again=True)
        (record,) = await read_records(self.parts, wall, [(key, copy.type)])
        if record is None:
            return Renewed()
        fields = self._fields(record, wall, given)
        issuer = self.parts.issuers.get(record.owner)
        if not fields or issuer is None:
            return Renewed()
        now_us = self.parts.clock.now_us()
        issued = issue(
            record,
            issuer=issuer,
            audience=holder,
            request_hash=given.request_hash,
            marking=self.parts.policy().release_marking(record.marking, record.record_type, ground.purpose, now_us),
            now_us=now_us,
        )
        compact = present(issued, fields)
        claims = claims_of(compact)
        assert claims is not None
        renewed = replace(
            copy,
            jti=claims.jti,
            source=notice_id,
            state=HoldingState.HELD,
            version=copy.version + 1,
            due_us=0,
            expires_us=claims.exp * SECOND_US,
        )
        return Renewed(compact, renewed)

    def _fields(self, record: SourceRecord, wall: Bulkhead, given: Given) -> list[str]:
        """Return the fields that the holder had and may still have."""
        agency = wall.description.agency
        attributes = RecordAttributes(given.question, record.record_type, agency, record.marking, record.category)
        allowed = self.parts.policy().release_by_human(attributes, self.parts.clock.now_us())
        return [name for name in record.fields if name in given.fields and name in allowed.fields]
