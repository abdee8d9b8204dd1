"""The human on whose behalf a question is asked."""

from __future__ import annotations

import msgspec


class Officer(msgspec.Struct, frozen=True):
    """An officer, as the country's identity provider knows them; their own node alone knows as much.

    `person` is the unique person id (`th.o.1042`); `purposes` are those that the token allows; `token_hash` is SHA-256
    of the token, to which the request commits.
    """

    person: str
    role: str
    office: str
    agency: str
    purposes: frozenset[str]
    token_hash: bytes
    client: str = ""
    on_behalf_of: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the members by which an entry of our own log names the officer."""
        return {
            "officer": self.person,
            "on_behalf_of": self.on_behalf_of,
            "role": self.role,
            "office": self.office,
            "agency": self.agency,
            "client": self.client,
        }


class Requester(msgspec.Struct, frozen=True):
    """The officer as a counterpart knows them: role, office and a pseudonym for this pair of countries."""

    role: str
    office: str
    agency: str
    pseudonym: str
