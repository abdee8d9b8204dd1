"""`liaison misuse`: tokens that a person carries whose identity is misused by another one."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_MISUSE = {
    "issue": ("misuse.tokens", "Issue a token: the holder of these documents is not the person of the record."),
    "list": ("misuse.tokens", "Tokens of your agency that are in their time."),
    "show": ("misuse.tokens", "One token, to be printed again."),
    "withdraw": ("misuse.tokens", "Withdraw a token: every counterpart is told."),
    "check": ("misuse.tokens", "Check a token, offline from the trust folder or beside a search."),
}


@click.group("misuse", cls=LazyGroup, table=_MISUSE)
def misuse_group() -> None:
    """A person whose name or papers are misused can carry a token of the record's owner: "not this person".

    \b
    Examples:
      liaison desk list --home vn --as vn.p.1 --kind distinguish
      liaison misuse issue --home vn --as vn.p.1 --work distinguish.th.5f0c… --document P4471209:THA \\
              --consent "signed paper 12/2026"
      liaison misuse check LN1.eyJp… --home th --document P4471209:THA
      liaison misuse withdraw 5f0c… --home vn --as vn.p.1 --reason mistaken

    A token never hides a hit: what its owner says is shown beside it.
    """
