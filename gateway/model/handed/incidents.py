"""An incident as it is told to counterparts, more words about it, and words about its end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.desk.notices import MAX_WORDS, ServiceCode
from gateway.model.faces.fields import Member, Moment, Said, Several, Text, Written
from gateway.model.handed.basis import WordsForThem
from gateway.model.names import MemberId


class NewsCode(StrEnum):
    """The kinds of news that counterparts are told."""

    INCIDENT = ServiceCode.INCIDENT.value
    OUTAGE = ServiceCode.OUTAGE.value
    DRILL = ServiceCode.DRILL.value


class TellNews(msgspec.Struct, frozen=True):
    """An incident as it is told. Every member reads it: it says nothing of a person or a record."""

    text: Annotated[
        str,
        Text(
            MAX_WORDS,
            label="What has happened",
            help="Without any person or record: every member reads it.",
            hint=True,
            long=True,
        ),
    ]
    code: Annotated[NewsCode, Said(label="What it is")] = NewsCode.INCIDENT
    to: Annotated[
        tuple[Annotated[MemberId, Member()], ...], Several(64, help="Only these members; by default all counterparts.")
    ] = ()
    types: Annotated[
        tuple[Annotated[str, Written(64)], ...], Several(32, help="Record types that it concerns; by default all.")
    ] = ()
    since_us: Annotated[int, Moment(past=True, help="Since when; by default now.")] = 0
    until_us: Annotated[int, Moment(help="Until when, of an outage that has an end.")] = 0


class TellMore(msgspec.Struct, frozen=True):
    """More words about an incident."""

    text: Annotated[str, Text(MAX_WORDS, label="What is new", long=True)]


class EndIncident(msgspec.Struct, frozen=True):
    """Words about the end of an incident, or words to the other side; they may be missing."""

    text: WordsForThem = ""
