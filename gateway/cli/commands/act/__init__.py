"""`liaison act`: documents of acts that several persons sign, on machines of their own."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_ACT = {
    "bring": ("act.document", "Have a signed act carried out; a running node does it within a second or so."),
    "show": ("act.document", "Read an act: what it does, where, why, and how many signed."),
    "sign": ("act.document", "Read an act, and add a person's signature."),
}


@click.group("act", cls=LazyGroup, table=_ACT)
def act() -> None:
    """Acts that two persons sign: read it, sign it, have it carried out. It counts once, within seven days.

    Each of its commands has --json.

    \b
    Examples:
      liaison audit erase --home th --exchange 3c1f… --reason "asked in error" --key a.key --out act
      liaison act show act
      liaison act sign act --key b.key --out act      # the other person
      liaison act bring act --home th
    """
