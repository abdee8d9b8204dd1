"""Findings of sources: candidates, matched candidates, records, and hits in answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.model.marking import Marking, SubjectCategory


class Quality(StrEnum):
    """Score class of a match, from surest to least sure."""

    EXACT_ID = "EXACT_ID"
    STRONG = "STRONG"
    POSSIBLE = "POSSIBLE"


class Match(msgspec.Struct, frozen=True):
    """The fit of a candidate: `score` from 0 to 1, and the rules that made it, for an officer to read."""

    quality: Quality
    score: float
    rules: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What a record says of the subject of a question that it does not match: nothing, or another subject."""

    SILENT = "silent"
    OTHER = "other"


class Candidate(msgspec.Struct, frozen=True):
    """One row of the key index that fits a query: enough to decide on it before anything is fetched.

    `key` is the source's own key and never leaves the node. `category` and `marking` come from the mapping's
    rules at the time of indexing, so that hiding is decided without a fetch (design, section 5).
    """

    source: str
    key: str
    record_type: str
    match: Match
    marking: Marking
    category: SubjectCategory = SubjectCategory.UNKNOWN


class SourceRecord(msgspec.Struct, frozen=True):
    """A source's record of one candidate: fields by name (JSON values), of the record type's field list.

    `search` holds the values by which the source finds the record, read with it; None where the source does not tell.
    `borne_out` is set where an agency that signs says that its record bears out less than its search told.
    """

    source: str
    key: str
    record_type: str
    owner: str
    fields: dict[str, Any]
    marking: Marking
    category: SubjectCategory = SubjectCategory.UNKNOWN
    search: Mapping[str, Any] | None = None
    borne_out: Quality | None = None


class Disclosure(msgspec.Struct, frozen=True):
    """One field's disclosure as it travels, and the digest that names it in the signed part."""

    digest: str
    encoded: str


class IssuedRecord(msgspec.Struct, frozen=True):
    """A signed record with all its disclosures; it stays in the node.

    `records.sdjwt.present` makes the released form.
    """

    jwt: str
    disclosures: Mapping[str, Disclosure]


class SearchResult(msgspec.Struct, frozen=True):
    """Candidates of one source; `capped` is True when there were more than the cap.

    All that the source held at `as_of_us` was searched: None where it was asked itself, which means now, and 0 where
    it does not tell.
    """

    candidates: tuple[Candidate, ...] = ()
    capped: bool = False
    as_of_us: int | None = None


UNRELEASED = "unreleased-"
"""Begins the last rule of a hit without a record, which ends with the code of the refusal of the record."""

NO_FIELD = f"{UNRELEASED}no-field"
"""The rule of a hit whose record may leave, and none of its fields."""

AGENCY_KEY_REMOVED = "agency-key-removed"
"""The code of a hit whose record is not signed, since the owner's documents removed the key of its agency."""
NEEDS_HUMAN = f"{UNRELEASED}needs-human"
"""The rule of a hit whose record a human of the owner may let out in answer to a follow-up."""

OF_WATCH = f"{UNRELEASED}watch"
"""The rule of a hit of a watch whose record may leave: it tells of it only, and it is asked for."""

OWN_AGENCY = f"{UNRELEASED}own-agency"
"""The rule of a hit of our own agencies: the record is read in their system."""


class Lead(msgspec.Struct, frozen=True):
    """What a hit says beside its record. `reference` is opaque and stable for the same case and peer.

    `rules` made the match; of a hit without a record the last one says why, as far as policy shows it (`UNRELEASED`).
    """

    reference: str
    quality: Quality
    record_type: str
    rules: tuple[str, ...] = ()
    action: str = ""


class Hit(Lead, frozen=True):
    """One hit in an answer.

    `record` is an SD-JWT with the disclosures that policy releases, or empty when a human must decide first.
    """

    record: str = ""


class Withheld(msgspec.Struct, frozen=True):
    """A field that was left out of a record: the digest of its disclosure, and the policy that withheld it."""

    digest: str
    rule: str
