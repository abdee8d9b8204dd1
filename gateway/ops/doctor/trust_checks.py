"""The checks of documents of trust that the home lost, how long the others last, and which offices they do not name."""

from __future__ import annotations

from gateway.config import argument
from gateway.desk.people.lists import read_lists
from gateway.errors import LiaisonError, Stale
from gateway.gossip.endings import STEPS_H
from gateway.ops.finding import CheckContext, Finding, failed, warn
from gateway.ops.trust.own_descriptor import require_newest
from gateway.trust.view import TrustView


def known_elsewhere(context: CheckContext, view: TrustView) -> list[Finding]:
    """Find a descriptor of ours that others hold and this home does not."""
    try:
        require_newest(context.settings, view)
    except Stale as error:
        return [failed("descriptors", error, "")]
    return []


def ending_soon(context: CheckContext, view: TrustView, member: str) -> list[Finding]:
    """Warn of a status that ends within a day: running nodes renew it, and hear of each other's, long before."""
    status = view.status(member)
    left_s = (status.expires_us - context.clock.now_us()) // 1_000_000 if status else 0
    hours = next((hours for hours in sorted(STEPS_H) if left_s <= hours * 3_600), 0)
    if not hours:
        return []
    ours = member == context.settings.node.member
    home = argument(context.home.path)
    remedy = (
        f"a running node renews it by itself; else `liaison trust publish --home {home}`"
        if ours
        else f"it comes when any member is reached; from a stick: `liaison trust import FILE --home {home}`"
    )
    return [warn("descriptors", f"the status of `{member}` ends in less than {hours} hours", remedy)]


def unpublished_offices(context: CheckContext, view: TrustView) -> list[Finding]:
    """Warn of offices whose people are listed here and that our descriptor lacks: no country can write to them."""
    member = context.settings.node.member
    try:
        lists, listed = read_lists(context.home.people, member), view.descriptor(member).offices
    except LiaisonError:
        return []  # another check tells of it
    offices = {one.office for one in lists.persons.values()} | {one.office for one in lists.shifts}
    lacking = sorted(offices - {"", *listed})
    if not lacking:
        return []
    options = " ".join(f"--office {office}" for office in (*listed, *lacking))
    home = argument(context.home.path)
    return [
        warn(
            "offices",
            f"our descriptor does not list {', '.join(lacking)}, so nobody abroad can write to people there",
            f"`liaison trust publish --home {home} --authority ADIR {options}`",
        )
    ]
