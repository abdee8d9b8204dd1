"""`liaison trust`: the charter, and the member's own descriptor and status."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_TRUST = {
    "accept": ("trust.documents", "Take charters, descriptors and statuses into a home."),
    "admit": ("trust.person", "Bring a person's public key into a home; the next descriptor lists it."),
    "draft": ("trust.documents", "Draft a charter from authority folders or the cards that members hand in."),
    "export": ("trust.bundle", "Write all documents of trust that a home holds into one file."),
    "import": ("trust.bundle", "Take what is new of the documents in files into a home."),
    "incident": ("trust.removal", "Write the plan that follows the theft of a key."),
    "person": ("trust.person", "Make the key of a person: an administrator, data officer or approver."),
    "publish": ("trust.documents", "Make and sign the member's own descriptor (with --authority) and status."),
    "revoke": ("trust.removal", "Remove a key of our own at once, by the status key."),
    "show": ("trust.documents", "Show a charter file, or all that a home holds."),
    "sign": ("trust.documents", "Add an authority's signature to a charter or descriptor."),
    "verify": ("trust.documents", "Verify a charter with all its versions, one a line."),
}


@click.group("trust", cls=LazyGroup, table=_TRUST)
def trust() -> None:
    """Who the members are, what they say about themselves, and that it is fresh.

    \b
    Founding a federation of three, with two signatures needed:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust sign charter.json --authority th-authority        # each authority, in its own folder
      liaison trust accept charter.json --home th --fingerprint F     # each node, the first time by fingerprint
      liaison trust publish --home th --authority th-authority --out th.jsonl
      liaison trust accept th.jsonl --home vn                         # each node, the others' documents
    """
