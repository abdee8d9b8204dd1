"""List the requests for which Cedar is asked before a policy comes into force, so that its first decisions are as fast
as later ones: each kind that an agreement covers, with the possible words of its attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId, member_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import AskAttributes, LearnAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.agreements import Covers
from policy.bundle.bundle import Bundle
from policy.bundle.law import LawCovers
from policy.cache import ALWAYS
from policy.engine.memory import PRINCIPAL, Domains
from policy.engine.request import (
    LISTED,
    Request,
    Setting,
    ask_request,
    learn_request,
    question_request,
    record_request,
)

_NOBODY: dict[str, Any] = {
    **dict.fromkeys(("role", "agency", "office", "purpose", "offence"), ""),
    **dict.fromkeys(("has_case", "has_ticket"), False),
}


def requests_ahead(bundle: Bundle, own: MemberId) -> Iterator[tuple[Request, Domains]]:
    """Yield a request of each kind that an agreement covers, and the possible words of its attributes and principal."""
    others = [member_id(name) for name in sorted(_of_agreements(bundle, "parties") - {own})]
    if not others:
        return
    words = _words(bundle, own)
    covers, at = Covers(), Setting(LawCovers(), False, ALWAYS)
    requests: list[tuple[Request, Sequence[str]]] = []
    for record_type in sorted(_of_agreements(bundle, "record_types").intersection(RECORD_TYPES)):
        record = RecordAttributes(_question(others[0], ""), record_type, "", Marking())
        requests.append((learn_request(LearnAttributes.of(record)), [own]))
        requests.append((record_request(record, own, covers, (False, False), at), [own]))
    for query in sorted(_of_agreements(bundle, "queries")):
        question = _question(others[0], query)
        requests.append((question_request("answer", question, others[0], own, covers, at), [own]))
        requests.append((question_request("send", question, own, others[0], covers, at), others))
        asked = AskAttributes(query=query, purpose_in_token=False, **_NOBODY)
        requests.append((ask_request(asked, own), others))
    for request, answerers in requests:
        known = {**words, "Member": answerers}
        domains = {path: _domain(path, value, known) for path, value in request.context.items()}
        yield request, {**domains, PRINCIPAL: [own] if answerers is others else others}


def _of_agreements(bundle: Bundle, part: str) -> frozenset[str]:
    return frozenset[str]().union(*(getattr(agreement, part) for agreement in bundle.agreements))


def _question(counterpart: MemberId, query: str) -> QuestionAttributes:
    return QuestionAttributes(counterpart=counterpart, query=query, agreement="", **_NOBODY)


def _words(bundle: Bundle, own: MemberId) -> dict[str, Sequence[Any]]:
    """Return the words of closed lists by type, and of texts by path: the agencies of agreements, and an empty text."""
    named = _of_agreements(bundle, "agencies")
    agencies = [*sorted({name.partition(".")[2] for name in named}), ""]
    return {
        "Role": bundle.roles,
        "Purpose": [item.value for item in Purpose],
        "Offence": [item.value for item in Offence],
        "Query": [item.value for item in QueryKind],
        "Category": list(SubjectCategory),
        "Level": list(Level),
        "Use": list(UseCode),
        "Caveat": list(Caveat),
        "Onward": list(Onward),
        "requester.agency": agencies,
        "agency": agencies,
        "owner": [*sorted(name for name in named if name.startswith(f"{own}.")), ""],
    }


def _domain(path: str, value: Any, words: Domains) -> Sequence[Any]:
    return (False, True) if isinstance(value, bool) else words.get(LISTED.get(path, path), ("",))
