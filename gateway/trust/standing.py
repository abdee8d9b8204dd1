"""Tell why a member is not exchanged with: it is not active, or its documents removed the keys that it needs for it."""

from __future__ import annotations

from collections.abc import Collection

from gateway.errors import Unavailable, Untrusted
from gateway.signing.keys import SigningKey
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.documents.members import MemberStatus
from gateway.trust.view import TrustView

NEEDED = (KeyUse.STATEMENT, KeyUse.TLS, KeyUse.LOG)
"""The uses of keys without which a member can neither ask nor answer."""

OWN_KEY_REMOVED = "own-key-removed"
"""The code of a node that does not sign, since its own documents removed its key."""


def check_standing(view: TrustView, member: str, now_us: int) -> None:
    """Raise `Untrusted` for a member of the charter that is not active, or that has no trusted key left for a use.

    A member without any removed key costs two look-ups.
    """
    found = view.members.get(member)
    if found is not None and found.status is MemberStatus.SUSPENDED:
        raise Untrusted(
            "`{member}` is suspended from the federation", code="member-suspended", where=member, member=member
        )
    if found is not None and found.status is MemberStatus.LEFT:
        raise Untrusted("`{member}` has left the federation", code="member-left", where=member, member=member)
    if (use := lost_use(view, member, now_us)) is not None:
        raise key_removed(member, use)


def key_removed(member: str, use: str) -> Untrusted:
    """Return the error of a member whose key for a use was removed."""
    return Untrusted(
        "the key of `{member}` for `{use}` was removed, and is no longer trusted",
        code="key-removed",
        where=member,
        remedy="wait for the next descriptor of `{member}`",
        member=member,
        use=use,
    )


def lost_use(view: TrustView, member: str, now_us: int) -> KeyUse | None:
    """Return a use that the member needs, and of which its documents removed all keys that would be valid now."""
    gone = view.withdrawn.get(member)
    if not gone:
        return None
    if view.active(member):
        for use in NEEDED:
            if _all_gone(view, member, use, gone, now_us):
                return use
    return None


def _all_gone(view: TrustView, member: str, use: KeyUse, gone: Collection[str], now_us: int) -> bool:
    keys = view.descriptor(member).keys
    valid = {key.key_id for key in keys if key.use == use and key.start_us <= now_us < key.stop_us}
    return bool(valid) and valid.issubset(gone)


def may_connect(view: TrustView, member: str, now_us: int) -> bool:
    """Tell whether other members can accept a connection of this one: it is active, and has a TLS key that counts."""
    if not view.active(member):
        return False
    gone = view.withdrawn.get(member)
    return not gone or not _all_gone(view, member, KeyUse.TLS, gone, now_us)


def check_own_key(view: TrustView, member: str, key: SigningKey) -> None:
    """Raise `Unavailable` where the member's own documents removed the key: nothing is signed with it any more."""
    if key.key_id in view.withdrawn.get(member, ()):
        raise own_key_removed(KeyUse.STATEMENT)


def check_own_standing(view: TrustView, member: str, now_us: int) -> None:
    """Raise `Unavailable` where our own member is not active, or its documents removed a key that it needs."""
    found = view.members.get(member)
    if found is not None and found.status is not MemberStatus.ACTIVE:
        raise Unavailable(
            "our own country, `{member}`, is not an active member of the federation: {status}",
            code="own-suspended",
            remedy="the authorities agree on the next charter: liaison trust draft --reinstate {member}",
            member=member,
            status=found.status.value,
        )
    if (use := lost_use(view, member, now_us)) is not None:
        raise own_key_removed(use)


def own_key_removed(use: KeyUse) -> Unavailable:
    """Return the error of our own removed key, with the command that puts another in its place."""
    return Unavailable(
        "the key of our own node for `{use}` was removed: its operators make a new one with liaison cert rotate {use}",
        code=OWN_KEY_REMOVED,
        where="keys",
        remedy="{advice}",
        use=use.value,
        advice=f"make a new key: {' '.join(('liaison', 'cert', 'rotate', use.value))}",
    )


def removal_of(view: TrustView, member: str) -> bytes:
    """Return the document that removed a member, or a key of it: the charter, or its newest status."""
    document = view.status(member) if view.active(member) else view.charter
    return document.data if document is not None else b""
