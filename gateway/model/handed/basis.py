"""Fields that many forms have: the case, the purpose and the offence under which something is done, words and files."""

from __future__ import annotations

from typing import Annotated

from gateway.model.desk.attachments import MAX_FILES, Attachment
from gateway.model.desk.notices import MAX_WORDS
from gateway.model.faces.fields import Files, Id, Reference, Said, Text
from gateway.model.purpose import Offence, Purpose

MAX_REASON = 500
"""The most characters of a reason that our own log keeps."""

MAX_PROVED_REASON = 300
"""The most characters of the reason of a decision that a human proves; `gateway.audit.acts.humans` keeps no more."""

CaseNumber = Annotated[str, Reference(label="Case number")]
CaseOrTicket = Annotated[str, Reference(label="Case number", help="Case number; this or a ticket is required.")]
Ticket = Annotated[str, Reference(label="Ticket", help="Ticket of a single check.")]
ForPurpose = Annotated[Purpose, Said(label="Purpose", help="The purpose that it serves.")]
ForOffence = Annotated[Offence, Said(label="Offence", help="The offence in view.")]
Agreement = Annotated[str, Id(help="The legal basis; by default the one that covers the purpose.")]
Reason = Annotated[str, Text(MAX_REASON, label="Reason", help="Why; it is logged.", long=True)]
ProvedReason = Annotated[
    str, Text(MAX_PROVED_REASON, label="Your reason, for our own log", help="Why; it is logged.", long=True)
]
WordsForThem = Annotated[str, Text(MAX_WORDS, label="Words for the other side", long=True)]
Attachments = Annotated[
    tuple[Attachment, ...],
    Files(MAX_FILES, help="Ids of files that the caller has brought: `POST /v1/attachments`."),
]
