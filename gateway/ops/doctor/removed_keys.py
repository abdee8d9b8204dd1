"""Find removed keys: those of this home, which it must not use, and those of members, whose work is to be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.clock import rfc3339_s
from gateway.config import argument
from gateway.ops.finding import CheckContext, Finding, stop, warn
from gateway.ops.removals.own_keys import replace_command
from gateway.trust.ceremony.ceremony import home_keys
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView
from gateway.trust.withdrawn import withdrawn_keys

_TOLD_US = 90 * 86_400_000_000
"""Microseconds after a removal in which it is told: three months."""

_SIGNS = (KeyUse.STATEMENT, KeyUse.LOG)


def check_removed_keys(context: CheckContext) -> list[Finding]:
    """Check that the home holds no removed key; name those of members, with the command that lists their work."""
    view = context.trust
    return [*_own(context, view), *_of_others(context, view)]


def _own(context: CheckContext, view: TrustView) -> Iterator[Finding]:
    member, home = context.settings.node.member, context.home.path
    gone = view.withdrawn.get(member)
    if not gone:
        return
    for key in home_keys(home, view.descriptor(member).agencies, context.clock.now_us()):
        if key.key_id in gone:
            text = f"the key for {key.use} that this home holds ({key.key_id[:16]}) was removed, and nobody trusts it"
            yield stop("removed keys", text, replace_command(key.use, home))


def _of_others(context: CheckContext, view: TrustView) -> Iterator[Finding]:
    since_us = context.clock.now_us() - _TOLD_US
    others = [name for name in view.withdrawn if name != context.settings.node.member]
    for key in (each for name in others for each in withdrawn_keys(view, name)):
        if key.since_us < since_us:
            continue
        since = rfc3339_s(key.since_us)
        text = f"`{key.member}` removed its key for {key.use} ({key.key_id[:16]}): it proves nothing from {since} on"
        yield warn("removed keys", text, _report(context, key.member, key.use, key.key_id, since))


def _report(context: CheckContext, member: str, use: str, key_id: str, since: str) -> str:
    """Return the command that lists what we hold of the window."""
    place = argument(context.home.path)
    if use in _SIGNS or use.startswith("agency/"):
        return f"liaison audit key-report --home {place} --key {key_id} --since {since}"
    return f"liaison audit find --home {place} --peer {member} --since {since}"
