"""A search as an agency system hands it in: what is asked, of whom, and why."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.errors import Malformed
from gateway.model.faces.fields import Inner, Member, Said, Several
from gateway.model.handed.basis import Agreement, CaseOrTicket, ForOffence, ForPurpose, Ticket
from gateway.model.names import MemberId
from gateway.model.query import Query


class SearchCommand(msgspec.Struct, frozen=True):
    """A search: what is asked, of whom, why, and for which case or ticket.

    With an empty `agreement` the node cites one that covers the question, and that names most of the recipient's
    agencies.
    """

    query: Annotated[Query, Said(help="What is asked.")]
    to: Annotated[
        tuple[Annotated[MemberId, Member()], ...],
        Several(32, least=1, apart=True, help="Members to ask.", examples=(["la", "vn"],)),
    ]
    purpose: ForPurpose
    offence: ForOffence
    case: CaseOrTicket = ""
    ticket: Ticket = ""
    agreement: Agreement = ""
    idempotency_key: Annotated[str, Inner(help="The same key returns the first search.")] = ""
    traceparent: Annotated[str, Inner(help="W3C trace context.")] = ""
    tracestate: Annotated[str, Inner(help="W3C trace state.")] = ""

    def __post_init__(self) -> None:
        if len(set(self.to)) != len(self.to):
            raise Malformed("a member is named twice", code="bad-search", where="to")
