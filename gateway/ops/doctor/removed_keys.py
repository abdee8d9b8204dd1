"""Find keys of this home that its own documents removed: it does not sign with them, and others refuse them."""

from __future__ import annotations

from gateway.ops.doctor.finding import CheckContext, Finding, stop
from gateway.ops.removals.own_keys import replace_command
from gateway.trust.ceremony.ceremony import home_keys
from gateway.trust.keeper import TrustKeeper


def check_removed_keys(context: CheckContext) -> list[Finding]:
    """Check that no key that the home holds was removed by its own status, or marked as compromised."""
    member, home = context.settings.node.member, context.home.path
    view = TrustKeeper(context.home.trust, context.clock).view
    gone = view.withdrawn.get(member)
    if not gone:
        return []
    held = home_keys(home, view.descriptor(member).agencies, context.clock.now_us())
    return [
        stop(
            "removed keys",
            f"the key for {key.use} that this home holds ({key.key_id[:16]}) was removed, and nobody trusts it",
            replace_command(key.use, home),
        )
        for key in held
        if key.key_id in gone
    ]
