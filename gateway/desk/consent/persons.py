"""Tell how many persons decide to consent to an onward use of a record: two, where its release would take two.

The marking of the record as it left us counts, and so does policy on the record as its source has it now.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.consent.records import described_record, marked_for_two
from gateway.desk.evidence.own_answers import OwnAnswers
from gateway.desk.second_step.release import AskedFor, Releases
from gateway.errors import LiaisonError, StorageBroken
from gateway.model.desk.notices import Ask


@dataclass(frozen=True, slots=True)
class ConsentPersons:
    """Counts the persons for consents at one node."""

    kept: KeptAnswers
    origin: OwnAnswers
    releases: Releases

    async def needed(self, asked: AskedFor) -> int:
        """Return how many persons must decide. Where its source cannot tell of the record, its marking alone counts."""
        ask, peer = asked.notice.body, asked.peer
        if not isinstance(ask, Ask) or ask.hit is None:
            return 1
        if await asyncio.to_thread(marked_for_two, self.kept, peer, ask.hit):
            return 2
        try:
            hit = await asyncio.to_thread(self.origin.find, peer, ask.hit)
            fresh = await self.releases.read(hit, asked)
        except StorageBroken:
            raise
        except LiaisonError:
            return 1
        given = (await asyncio.to_thread(described_record, self.kept, peer, ask.hit))["fields"]
        return fresh.persons(given)
