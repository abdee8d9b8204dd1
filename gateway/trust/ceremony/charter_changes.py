"""Changes from one version of a charter to the next: members that are added, suspended or gone, and new keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import Misused
from gateway.trust.ceremony.member_card import MemberCard
from gateway.trust.documents.members import CharterMember, MemberStatus


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one version. `add` are the cards of new members, or of such that come back with new keys.

    `keys` are cards with a member's new key of its authority: it signs charters from then on, and the old ones go on to
    sign descriptors until they are in `drop`, with the beginning of their id.
    """

    add: Sequence[MemberCard] = ()
    suspend: Sequence[str] = ()
    reinstate: Sequence[str] = ()
    remove: Sequence[str] = ()
    keys: Sequence[tuple[str, MemberCard]] = ()
    drop: Sequence[tuple[str, str]] = ()

    def applied(self, before: dict[str, CharterMember]) -> dict[str, CharterMember]:
        """Return the members of the next version. Raises `Misused` for a change that does not fit the one before."""
        members = dict(before)
        for card in self.add:
            held = members.get(card.member)
            if held is not None and held.status is not MemberStatus.LEFT:
                raise Misused(
                    f"`{card.member}` is a member already: `--authority-key {card.member}=CARD` gives it a new key, "
                    "`--reinstate` ends a suspension"
                )
            members[card.member] = CharterMember(card.member, MemberStatus.ACTIVE, (card.ca_pem,), (card.authority,))
        wanted = (
            ("--suspend", self.suspend, (MemberStatus.ACTIVE,), MemberStatus.SUSPENDED),
            ("--reinstate", self.reinstate, (MemberStatus.SUSPENDED,), MemberStatus.ACTIVE),
            ("--remove", self.remove, (MemberStatus.ACTIVE, MemberStatus.SUSPENDED), MemberStatus.LEFT),
        )
        for option, names, states, status in wanted:
            for name in names:
                members[name] = replace(_found(option, name, members, states), status=status)
        for name, card in self.keys:
            members[name] = _with_key(_found("--authority-key", name, members, tuple(MemberStatus)), card)
        for name, key_id in self.drop:
            members[name] = _without_key(_found("--drop-authority-key", name, members, tuple(MemberStatus)), key_id)
        return members


def _found(option: str, name: str, members: dict[str, CharterMember], states: Sequence[MemberStatus]) -> CharterMember:
    found = members.get(name)
    if found is None:
        raise Misused(f"{option} `{name}`: the charter before has no such member; it has {', '.join(sorted(members))}")
    if found.status not in states:
        raise Misused(f"{option} `{name}`: it is {found.status.value} in the charter before")
    return found


def _with_key(member: CharterMember, card: MemberCard) -> CharterMember:
    """Return the member with the key of the card as the first of its authority, and with its CA where that is new."""
    if card.member != member.member:
        raise Misused(f"--authority-key {member.member}: the card is that of `{card.member}`")
    if card.authority.key_id in {key.key_id for key in member.authority_keys}:
        raise Misused(f"--authority-key {member.member}: the charter lists the key of the card already")
    known = member.ca_certificates if card.ca_pem in member.ca_certificates else (*member.ca_certificates, card.ca_pem)
    return replace(member, authority_keys=(card.authority, *member.authority_keys), ca_certificates=known)


def _without_key(member: CharterMember, key_id: str) -> CharterMember:
    left = tuple(key for key in member.authority_keys if not (len(key_id) >= 8 and key.key_id.startswith(key_id)))
    if len(left) != len(member.authority_keys) - 1 or not left:
        known = ", ".join(key.key_id[:16] for key in member.authority_keys)
        raise Misused(
            f"--drop-authority-key {member.member}: give eight digits or more of the id of one of its keys, which "
            f"are several: {known}"
        )
    return replace(member, authority_keys=left, authority_threshold=min(member.authority_threshold, len(left)))
