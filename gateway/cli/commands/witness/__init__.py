"""`liaison witness`: cosign the heads of logs, so that a rewritten log is noticed."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_WITNESS = {
    "accept": ("witness.home", "Take charters, descriptors and statuses; they say whose log is signed by which key."),
    "init": ("witness.home", "Make a domestic witness's home: keys, its card witness.pub, witness.toml."),
    "serve": ("witness.serve", "Cosign the heads of the country's node until SIGTERM or Ctrl-C."),
    "status": ("witness.home", "Show how a node's logs stand with their witnesses, or what a witness has cosigned."),
    "waive": ("witness.home", "Let the node start once although no witness can be asked."),
}


@click.group("witness", cls=LazyGroup, table=_WITNESS)
def witness() -> None:
    """Witnesses cosign the heads of a node's logs: whoever rewrites a log contradicts them.

    Nodes witness each other without being told. A domestic witness is the national auditor's, on a machine of another
    administrator; it sees sizes and hashes only, and is enough alone.

    \b
    From nothing to serving (on the auditor's machine):
      liaison witness init --member th --out witness --listen 10.0.0.9:7643
      liaison witness accept charter.jsonl th.jsonl --home witness --fingerprint F
      liaison witness serve --home witness

    At the node: put witness/witness.pub into witnesses/ of the home, set witness.domestic in node.toml,
    `liaison trust publish` with the authority, and start the node again.
    """
