"""Tell whose signatures a charter has and still needs, by the members' names, under both versions that count."""

from __future__ import annotations

from dataclasses import dataclass

from tuf.api.metadata import Root  # type: ignore[attr-defined]  # public, but not re-exported by name

from gateway.errors import BadSignature
from gateway.trust.documents.charter import Draft
from gateway.trust.documents.members import MemberStatus


@dataclass(frozen=True, slots=True)
class Tally:
    """The signatures under one version of the charter: `needed` of the members in `signed` and `missing`."""

    version: int
    needed: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]


def tallies(draft: Draft, before: Draft | None) -> tuple[Tally, ...]:
    """Return the tally under the version before, where it is given, and under the charter itself.

    Raises `BadSignature` where the signatures cannot be read.
    """
    return tuple(_tally(draft, under) for under in ((before, draft) if before is not None else (draft,)))


def _tally(draft: Draft, under: Draft) -> Tally:
    try:
        payload = draft.metadata.signed_bytes
        result = under.metadata.signed.get_verification_result(Root.type, payload, draft.metadata.signatures)
    except Exception as error:  # unexpected in a verification: refused (CASE-C14)
        raise BadSignature("the signatures of the charter cannot be verified") from error
    names = {
        member.authority_keys[0].key_id: str(member.member)
        for member in under.charter.members.values()
        if member.status is MemberStatus.ACTIVE
    }
    signed = {names[key_id] for key_id in result.signed if key_id in names}
    return Tally(
        under.charter.version, under.charter.threshold, tuple(sorted(signed)), tuple(sorted({*names.values()} - signed))
    )
