"""The one form of a human's act: a document of the act and its reason, signed by the persons who do it.

A DSSE document over JSON with closed fields. The signatures are over exactly the bytes that the act's entry keeps. The
act has a time window and an id that counts once, so that a copy of it has no second effect.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.audit.acts.table import ActKind, Proof, Rule, rule_of
from gateway.errors import BadSignature, Forbidden, Malformed, Stale
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.values import text_value
from gateway.signing import strict_json
from gateway.signing.dsse import Document, encode64, is_signed_by, parse_document, sign_document
from gateway.signing.keys import SigningKey
from gateway.trust.documents.fields import Fields
from gateway.trust.documents.persons import Person, count_different

ACT_TYPE: Final = "application/vnd.liaison.act.v1+json"
MAX_TEXT: Final = 200
"""Characters of a reason or a reference."""
LIFE_US: Final = 7 * 24 * 3600 * 1_000_000
"""The longest time between the draft of an act and its effect: two persons on two machines sign in it."""
FUTURE_US: Final = 300_000_000
"""Microseconds that the clock of the machine where an act is drafted may be ahead."""

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FIELDS = ("detail", "expires_us", "federation", "id", "issued_us", "kind", "member", "reason", "reference")


@dataclass(frozen=True, slots=True)
class Act:
    """An act at one member's node, and its reason. `detail` is JSON and depends on the kind.

    `reference` names the ground of the reason, such as a court's order; it may be empty.
    """

    kind: ActKind
    member: MemberId
    federation: str
    reason: str
    issued_us: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    expires_us: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Proved:
    """An act that may be carried out: its proof, its persons, and the document that shows it.

    `account` is the account of the machine that handed it in; `order` the name under which it was handed in.
    """

    proof: Proof
    persons: tuple[Person, ...] = ()
    data: bytes = b""
    account: str = ""
    order: str = ""

    def members(self) -> dict[str, Any]:
        """Return the members of a private part that name the persons and hold the proof."""
        said: dict[str, Any] = {"proof": self.proof.value, "persons": [person.as_json() for person in self.persons]}
        said |= {"account": self.account} if self.account else {}
        return said | ({"act": encode64(self.data)} if self.data else {})

    @property
    def words(self) -> str:
        """The persons, or else the account, in words: for members of entries that name a person in words."""
        if not self.persons:
            return self.account
        return ", ".join(person.words for person in self.persons)


def sign_act(act: Act, keys: Sequence[SigningKey]) -> bytes:
    """Return the document of an act with a signature of each of `keys`. Raises `Malformed`, `TooLarge`."""
    value = {name: getattr(act, name) for name in _FIELDS} | {"expires_us": act.expires_us or act.issued_us + LIFE_US}
    data = sign_document(ACT_TYPE, strict_json.dumps(value), keys)
    parse_act(data)
    return data


def parse_act(data: bytes) -> tuple[Act, Document]:
    """Return an act with closed fields, its signatures not yet verified.

    Raises `Malformed`, `TooLarge`, and `Forbidden` for an act that is not in the table.
    """
    document = parse_document(data.rstrip(b"\n"), ACT_TYPE)
    fields = Fields(strict_json.loads(document.payload, len(document.payload)), "act", _FIELDS)
    detail, name, reference = fields.value("detail"), fields.text("id"), fields.text("reference")
    if not isinstance(detail, dict) or not _ID.fullmatch(name):
        raise Malformed("an act has an id, and an object that says what is done", code="bad-act", where="act")
    rule_of(fields.text("kind"))
    act = Act(
        kind=ActKind(fields.text("kind")),
        member=member_id(fields.text("member")),
        federation=identifier(fields.text("federation"), "act.federation"),
        reason=text_value(fields.text("reason"), "reason", MAX_TEXT),
        issued_us=fields.number("issued_us"),
        detail=detail,
        reference=text_value(reference, "reference", MAX_TEXT) if reference else "",
        expires_us=fields.number("expires_us"),
        id=name,
    )
    return act, document


def verify_act(
    data: bytes, member: MemberId, federation: str, persons: Iterable[Person], now_us: int
) -> tuple[Act, tuple[Person, ...]]:
    """Check that an act may be carried out, and return it with its signers:

    1. it parses, with closed fields, and is in the table;
    2. it is for this member, in this federation;
    3. it is in its time window, which is seven days at most;
    4. as many different persons signed as its row demands, each with a key that is listed for a role of the row.

    `persons` are those whose keys are listed now, of any role. The store checks that the id was not used before. Raises
    `Malformed`, `TooLarge`, `Forbidden`, `BadSignature`, `Stale`.
    """
    act, document = parse_act(data)  # 1
    if act.member != member or act.federation != federation:  # 2
        raise Forbidden(
            "this is an act for `{member}` in `{federation}`",
            code="other-member",
            member=act.member,
            federation=act.federation,
        )
    check_window(act, now_us)  # 3
    return act, signers(document, rule_of(act.kind), persons)  # 4


def check_window(act: Act, at_us: int) -> None:
    """Raise `Stale` unless the act is in its time window."""
    if not 0 < act.expires_us - act.issued_us <= LIFE_US or act.issued_us > at_us + FUTURE_US:
        raise Stale("it is dated in the future, or valid for more than seven days", code="bad-act-time", where="act")
    if at_us >= act.expires_us:
        raise Stale("the time in which it could be carried out is over", code="act-expired", remedy="draft it anew")


def signers(document: Document, rule: Rule, persons: Iterable[Person]) -> tuple[Person, ...]:
    """Return the persons who signed in a role of the rule. Raises `BadSignature` where too few different ones did."""
    found = tuple(person for person in persons if person.role in rule.roles and is_signed_by(document, person.key))
    different = count_different(found)
    if not rule.persons or different < rule.persons:
        roles = " or ".join(sorted(rule.roles))
        raise BadSignature(
            "{count} of the {persons} needed signatures of {roles} are there",
            code="below-threshold",
            count=different,
            persons=rule.persons,
            roles=roles,
        )
    if rule.led_by and not any(person.role in rule.led_by for person in found):
        raise BadSignature(
            "one of those who sign is {roles}", code="below-threshold", roles=" or ".join(sorted(rule.led_by))
        )
    return found


def act_hash(document: Document) -> str:
    """Return the SHA-256 of the signed payload, for persons who compare it by voice."""
    return hashlib.sha256(document.payload).hexdigest()
