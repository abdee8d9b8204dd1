"""The human on whose behalf a question is asked."""

from __future__ import annotations

import msgspec


class Requester(msgspec.Struct, frozen=True):
    """The officer as a counterpart knows them: role, office and a pseudonym for this pair of countries."""

    role: str
    office: str
    agency: str
    pseudonym: str


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

    def as_requester(self, pseudonym: str) -> Requester:
        """Return the officer as a counterpart knows them."""
        return Requester(self.role, self.office, self.agency, pseudonym)


NODE = "node"
"""The role in which a node itself tells something, and no officer of it."""


def node_itself(member: str, agency: str) -> Requester:
    """Return the name under which a node tells something, for an agency of its own or for none."""
    return Requester(NODE, f"{member}.{NODE}", agency or NODE, NODE)
