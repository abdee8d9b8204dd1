"""Refuse reasons and counterparts of a search that do not exist, and name the nearest one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from gateway.audit.search.question import Question
from gateway.audit.search.terms import ANY, Field, term
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError, Reason
from gateway.language.refusals import REFUSALS
from gateway.ops.audit.nearest import unlisted
from gateway.ops.audit.search_question import Search
from gateway.ops.homes.open_home import read_lines
from gateway.trust.documents.charter import parse_charter

Seen = Callable[[Question], bool]
"""Tells whether any entry that can be opened fits a question."""

REASONS: Sequence[str] = (*sorted({*REFUSALS, "quota"}), *sorted(Reason))
"""Codes and coarse reasons of refusals that this version knows."""


def refuse_unknown(search: Search, folder: Path, seen: Seen, *, is_export: bool) -> None:
    """Raise `Misused` for a reason or counterpart that is not known here and that no entry has.

    A counterpart of another version may refuse with an unknown code, and a member may have left the charter. So the log
    is searched for an unknown word, without the other options, before the word is refused.
    """
    if search.refused not in ("", ANY, *REASONS):
        group = frozenset((term(Field.REFUSED, search.refused),))
        if not seen(Question(alternatives=((group,),))):
            raise unlisted("--refused", search.refused, "no reason or code of refusal, and no entry has it", REASONS)
    refuse_unknown_peers(
        search.peers, folder, lambda peer: seen(Question(peers=frozenset((peer,)))), is_export=is_export
    )


def refuse_unknown_peers(peers: Collection[str], folder: Path, seen: Callable[[str], bool], *, is_export: bool) -> None:
    """Raise `Misused` for a counterpart that is not a member of the charter and that no entry has (`seen`)."""
    members = _members(folder, is_export=is_export) if peers else []
    for peer in peers:
        if peer not in members and not (peer and seen(peer)):
            raise unlisted("--peer", peer, "no member of the charter, and no entry has it", members)


def refuse_stranger(option: str, member: str, folder: Path) -> None:
    """Raise `Misused` for a country that is and was no member of the charter that a home holds."""
    members = _members(folder, is_export=False)
    if members and member not in members:
        raise unlisted(option, member, "no member of the charter", members)


def _members(folder: Path, *, is_export: bool) -> list[str]:
    """Return the members of the newest charter of a home or an export, not verified; none where none can be read."""
    trust = folder / "trust" if is_export else Home(load_settings(folder).home).trust
    try:
        return sorted(parse_charter(read_lines(trust / "charter.jsonl")[-1]).charter.members)
    except (LiaisonError, IndexError):
        return []
