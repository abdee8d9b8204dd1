"""`liaison source`: an agency's source as a process of its own, in the agency's own building."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_SOURCE = {
    "ask": ("source.ask", "Ask a source without a node: what it finds, why, and the records."),
    "certify": ("source.home", "Certify REQUESTS of a source process, at the authority."),
    "check": ("source.home", "Look at keys, certificates, mapping and the agency's system; nothing is served."),
    "init": ("source.home", "Make a source process's home: keys, certificates or requests for them, source.toml."),
    "log": ("source.home", "Show the agency's own log: who was asked for, for whom and why, and what was signed."),
    "status": ("source.status", "Show how fresh a source is, what is left out, its last errors and runs."),
    "serve": ("source.serve", "Serve the country's node until SIGTERM or Ctrl-C; what was taken is finished."),
}


@click.group("source", cls=LazyGroup, table=_SOURCE)
def source() -> None:
    """Run an agency's source in the agency's own building, with the agency's own signing key.

    The country's node reaches it by mutual TLS and never holds the key. It serves nothing without the node's signed
    reference to an exchange, and answers nothing that is not in its own log.

    `ask` and `status` are for every source: one that a node reads itself, too.

    \b
    From nothing to serving (in the agency, the authority's folder at hand):
      liaison source init --member kh --agency customs --out customs --authority kh-authority \\
              --statement kh/keys/statement.pem --mapping kh_customs.toml --url sqlite:///declarations.sqlite
      liaison source check --home customs
      liaison source serve --home customs

    At the node: put customs/keys/record.pem into the home's folder certificates/, `liaison trust publish`, and a
    [[source]] with url = "source://host:port" into node.toml.
    """
