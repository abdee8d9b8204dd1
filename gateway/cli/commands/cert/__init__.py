"""`liaison cert`: the keys and certificates of a node's home, renewed and rotated while it runs."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_CERT = {
    "client": ("cert.authority", "Make key and certificate of a further client system of an agency."),
    "console": ("cert.keys", "Have the console's certificate made for the host that browsers use."),
    "online-ca": ("cert.keys", "Have an online CA listed, by which the node renews its TLS certificate itself."),
    "renew": ("cert.keys", "Have present keys certified and listed for longer."),
    "rotate": ("cert.keys", "Make new keys, which take the place of the present ones without a restart."),
    "sign": ("cert.authority", "Answer a request for certificates and keys, at the authority."),
    "status": ("cert.keys", "Show every key and certificate: its end, what renews it, what is planned."),
}


@click.group("cert", cls=LazyGroup, table=_CERT)
def cert() -> None:
    """Keys and certificates of a home: how long they last, and how they are renewed and replaced.

    \b
    Examples:
      liaison cert renew tls --home th --authority th-authority         # the same key, for longer
      liaison cert rotate statement --home th --authority th-authority  # a new key
      liaison cert rotate log --home th --out log.request               # the authority is elsewhere
      liaison cert sign log.request --authority th-authority --out log.answer
      liaison cert rotate --home th --answer log.answer
    """
