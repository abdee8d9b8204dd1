"""Issue a record anew for a holder of an older copy: as its source has it now, under the marking and policy of now.

The holder gets the fields that it had, as far as policy lets a human give them. The human is the one who changes the
record. A source that signs its records by itself issues them in answer to a question only: its holders ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.desk.originator.evidence import Evidence, Given, Ground
from gateway.desk.originator.meant import binding
from gateway.desk.originator.reading import read_records
from gateway.exchange.ledger import SECOND_US
from gateway.exchange.parts import Parts
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.work import HoldingState
from gateway.model.hit import SourceRecord
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Holding
from gateway.records.claims import claims_of
from gateway.records.sdjwt import issue, present
from policy.attributes import QuestionAttributes, RecordAttributes


@dataclass(frozen=True, slots=True)
class Renewal:
    """Reads records anew from our sources, and signs them for their holders."""

    parts: Parts
    walls: Sequence[Bulkhead]
    evidence: Evidence

    async def __call__(
        self, copy: Holding, holder: MemberId, notice_id: ExchangeId, ground: Ground
    ) -> tuple[str, Holding] | None:
        """Return the record for the change with this id, and its row; None where nothing of it may be given.

        Raises `Unavailable` where its source cannot be asked now.
        """
        source, _, key = copy.record.partition("/")
        wall = next((wall for wall in self.walls if wall.description.id == source), None)
        given = await asyncio.to_thread(self.evidence.given, holder, copy)
        if wall is None or wall.signs or given is None:
            return None
        (record,) = await read_records(self.parts, wall, [(key, copy.type)])
        if record is None:
            return None
        fields = self._fields(record, wall, given)
        issuer = self.parts.issuers.get(record.owner)
        if not fields or issuer is None:
            return None
        now_us = self.parts.clock.now_us()
        issued = issue(
            record,
            issuer=issuer,
            audience=holder,
            request_hash=binding(notice_id),
            marking=self.parts.policy().release_marking(record.marking, record.record_type, ground.purpose, now_us),
            now_us=now_us,
        )
        compact = present(issued, fields)
        claims = claims_of(compact)
        assert claims is not None
        return compact, replace(
            copy,
            jti=claims.jti,
            source=notice_id,
            state=HoldingState.HELD,
            version=copy.version + 1,
            due_us=0,
            expires_us=claims.exp * SECOND_US,
        )

    def _fields(self, record: SourceRecord, wall: Bulkhead, given: Given) -> list[str]:
        """Return the fields that the holder had and may still have."""
        question = QuestionAttributes.of(given.request, self.parts.member)
        agency = wall.description.agency
        attributes = RecordAttributes(question, record.record_type, agency, record.marking, record.category)
        allowed = self.parts.policy().release_by_human(attributes, self.parts.clock.now_us())
        return [name for name in record.fields if name in given.fields and name in allowed.fields]
