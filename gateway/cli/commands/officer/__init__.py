"""`liaison ask`, `search`, `onward` and `consent`: what officers ask of other countries, and what those ask of them."""

from __future__ import annotations

import click

from gateway.cli.lazy import LazyGroup
from gateway.language.terms import TITLES

_ASK = {kind.replace("_", "-"): ("officer.ask", title) for kind, title in TITLES.items()}


@click.group("ask", cls=LazyGroup, table=_ASK)
def ask_group() -> None:
    """Ask counterparts; one line for each says hit, no hit, partial, not searched, refused, too many, suspended, not
    accepted or silent. Only `no hit` means that all sources there that take such a question were searched, and found
    nothing.

    \b
    Examples:
      liaison ask document --home th --as th.o.1042 --to vn,kh --number C1234567 --issuer VNM \\
              --purpose BORDER_CHECK --offence DOCFRAUD --ticket T-1
      liaison ask person --home th --as th.o.1042 --to kh --name "สมชาย ใจดี" --birth 1984 \\
              --purpose INVESTIGATION --offence NARC --case TH-2026-17

    Each line is printed as it comes. Exit code 0 when every counterpart and our own agencies answered in full (hit or
    no hit), 1 when one answered in part, did not search, refused, is suspended or was silent, or when an answer is not
    accepted; one that comes late is shown by `liaison search show`.
    """


_SEARCH = {"show": ("officer.search", "A search as it is now, with the answers that came late.")}


@click.group("search", cls=LazyGroup, table=_SEARCH)
def search_group() -> None:
    """Look again at what was asked: late answers come within a minute, and a search can be read for 48 hours.

    \b
    Example:
      liaison search show 5f0c… --home th --as th.o.1042
    """


_CONSENT = {
    "grant": ("officer.consent", "Consent to exactly what was asked."),
    "list": ("officer.consent", "All requests whose time is not over; those that wait for a decision first."),
    "refuse": ("officer.consent", "Refuse consent; the counterpart learns that, and not why."),
    "show": ("officer.consent", "One request: who asks, for what, and the record as they have it."),
}


@click.group("consent", cls=LazyGroup, table=_CONSENT)
def consent_group() -> None:
    """Counterparts' requests to use our records onward, and what a human says to them.

    \b
    Examples:
      liaison consent list --home vn
      liaison consent show --home vn --id 3c1f…
      liaison consent grant --home vn --id 3c1f… --as vn.o.1042 --reason "same case here"
      liaison consent refuse --home vn --id 3c1f… --as vn.o.1042 --reason "source at risk"

    An officer of the agency that owns the record decides, and proves it with a token of the identity provider, bound to
    the certificate of this home's commands (client-cli). A decision holds for exactly what was asked, and cannot be
    changed. The counterpart's node fetches it within half
    a minute, as soon as this node runs and has written its entry.
    """
