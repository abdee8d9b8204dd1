"""`liaison freeze`: accounts of officers that two persons freeze, and free again."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup

_FREEZE = {
    "ask": ("freeze.accounts", "Ask that an account is frozen; another person approves it."),
    "list": ("freeze.accounts", "Accounts that are frozen, or are to be."),
    "show": ("freeze.accounts", "The freezing of one account, with its steps."),
    "lift": ("freeze.accounts", "Ask that an account is free again; another person approves it."),
}


@click.group("freeze", cls=LazyGroup, table=_FREEZE)
def freeze_group() -> None:
    """Freeze the account of an officer who may have misused it. It takes two persons, and so does its end.

    \b
    Examples:
      liaison freeze ask th.o.1042 --home th --as th.x.1 --reason "asked for his family without a case"
      liaison desk approve approve.th.5f0c… --home th --as th.n.3        # another person; in force at once
      liaison freeze list --home th --as th.x.1
      liaison freeze lift 5f0c… --home th --as th.x.1 --reason "explained: a joint operation"

    A security officer or the head of the desk does either part, never for their own account. Each token of a frozen
    account is refused from then on, at the REST API and at the console.
    """
