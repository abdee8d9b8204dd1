"""A token "not this person" as it is asked for, its withdrawal, and its check beside a document."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.desk.codes import ChangeReason
from gateway.model.faces.fields import Code, Matching, Moment, Several, Text

MAX_CONSENT = 300
MAX_DOCUMENTS = 4
"""The most documents of one token."""

MAX_TOKEN = 1_536
"""The most characters of a token."""

_Number = Annotated[str, Text(40, help="The number of the document.")]
_Issuer = Annotated[
    str,
    Matching(
        r"^[A-Za-z]{3}$",
        least=3,
        most=3,
        label="Country of the document, such as THA",
        help="The country that issued it (ICAO alpha-3).",
    ),
]


class HeldDocument(msgspec.Struct, frozen=True):
    """A document of the person."""

    number: _Number
    issuer: _Issuer


class IssueToken(msgspec.Struct, frozen=True):
    """A token to be issued, under the work of telling two persons apart."""

    work: Annotated[
        str,
        Text(
            200,
            label="The hit that was another person",
            help="The work of telling the two persons apart (distinguish.…).",
        ),
    ]
    documents: Annotated[
        tuple[HeldDocument, ...], Several(MAX_DOCUMENTS, least=1, help="Documents of the person; up to four.")
    ]
    consent: Annotated[
        str,
        Text(MAX_CONSENT, label="Where the person's consent is written down"),
    ]
    until_us: Annotated[
        int, Moment(label="How long it holds", help="Until when it holds; by default 180 days, a year at most.")
    ] = 0


class WithdrawToken(msgspec.Struct, frozen=True):
    """The reason of a token's withdrawal."""

    reason: Annotated[str, Code(ChangeReason, label="Why", help="Why, as a code for all counterparts.")]


class CheckToken(msgspec.Struct, frozen=True):
    """A token as it was scanned, and the document that its holder shows."""

    token: Annotated[str, Text(2 * MAX_TOKEN, label="Scan the token", help="The token as it was scanned.", long=True)]
    number: Annotated[
        str,
        Text(
            40,
            label="Number of the document that the person shows",
            help="The number of the document that the person shows.",
        ),
    ]
    issuer: _Issuer
