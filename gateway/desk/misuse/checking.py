"""Check a token at a gate: what its owner says is beside the hit. It never hides one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec

from gateway.clock import SECOND_US
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person
from gateway.desk.entries import desk_act
from gateway.desk.misuse.issuing import is_withdrawn
from gateway.desk.misuse.statement import ListedKeys, NotThisPerson, document_digest, read_token
from gateway.errors import BadSignature, Malformed, TooLarge
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction
from gateway.model.names import ExchangeId, MemberId
from gateway.model.search import Search


class Verdict(StrEnum):
    """The worth of a token, as its check finds it. In all cases the hit stands."""

    NOT_THIS_PERSON = "not-this-person"
    """Its owner says: the holder of this document is not the person of the record."""
    OTHER_DOCUMENT = "other-document"
    """It is for another document: perhaps another person carries it."""
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    FORGED = "forged"
    NO_HIT_OF_THEIRS = "no-hit-of-theirs"
    """It is good, and its owner has no hit of this type in the search: it says nothing about the hits of others."""


class Checked(msgspec.Struct, frozen=True):
    """A token that was checked. `hits` are the numbers of its owner's hits in the search that it speaks of."""

    verdict: Verdict
    said: NotThisPerson | None = None
    hits: tuple[int, ...] = ()


def verdict_of(
    text: str, number: str, issuer: str, keys: ListedKeys, now_us: int, withdrawn: Callable[[NotThisPerson], bool]
) -> Checked:
    """Return what a token is worth for the holder of a document, from the owner's listed keys alone.

    `withdrawn` tells whether its owner has withdrawn it. Raises `Malformed` for an invalid document.
    """
    document_digest("", number, issuer)
    said = statement_of(text, keys, now_us, withdrawn)
    if isinstance(said, Checked):
        return said
    return Checked(Verdict.NOT_THIS_PERSON if said.fits(number, issuer) else Verdict.OTHER_DOCUMENT, said)


def statement_of(
    text: str, keys: ListedKeys, now_us: int, withdrawn: Callable[[NotThisPerson], bool]
) -> NotThisPerson | Checked:
    """Return what a token says, or what is wrong with it whatever document its holder shows."""
    try:
        said = read_token(text, keys, now_us)
    except (BadSignature, Malformed, TooLarge):
        return Checked(Verdict.FORGED)
    if said.expires * SECOND_US <= now_us:
        return Checked(Verdict.EXPIRED, said)
    return Checked(Verdict.WITHDRAWN, said) if withdrawn(said) else said


class TokenCheck:
    """The check at a gate; each one is an entry. Looking at its result again is none."""

    def __init__(self, desk: DeskParts) -> None:
        self._desk = desk

    async def check(self, actor: Actor, search_id: str, text: str, number: str, issuer: str) -> Checked:
        """Return what a token says beside the hits of a search of this officer, for the holder of a document.

        The entry of this check is durable before. Raises `Unknown` for a search of another officer.
        """
        check_person(actor)
        search = await self._desk.searches.get(actor.officer, search_id)
        found = await self.beside(search, text, number, issuer)
        await self._note(actor, search.id, found)
        return found

    async def scan(self, actor: Actor, search_id: str, text: str, number: str, issuer: str) -> Checked:
        """Return what a token is worth that was scanned with a question, before its answers have come.

        The entry is durable before. Raises as `check` does.
        """
        check_person(actor)
        search = await self._desk.searches.get(actor.officer, search_id)
        found = await asyncio.to_thread(self._checked, text, number, issuer.upper())
        await self._note(actor, search.id, found)
        return found

    async def beside(self, search: Search, text: str, number: str, issuer: str) -> Checked:
        """Return what a token says beside the hits that a search has now, without an entry: a check has written it.

        Raises `Malformed` for an invalid document.
        """
        found = await asyncio.to_thread(self._checked, text, number, issuer.upper())
        if found.verdict is not Verdict.NOT_THIS_PERSON or found.said is None:
            return found
        hits = _hits(search, found.said)
        return Checked(found.verdict if hits else Verdict.NO_HIT_OF_THEIRS, found.said, hits)

    async def alone(self, text: str) -> Checked | None:
        """Return what is wrong with a token whatever document its holder shows, or None. It is no check of a holder."""
        said = await asyncio.to_thread(self._statement, text)
        return said if isinstance(said, Checked) else None

    async def _note(self, actor: Actor, search_id: str, found: Checked) -> None:
        said = found.said
        content = {"verdict": found.verdict.value, "search": search_id, "token": said.id if said is not None else ""}
        key = ThreadKey(said.member if said is not None else self._desk.parts.member, ExchangeId(search_id))
        await self._desk.pen.write(
            self._desk.parts.member, key, lambda: desk_act(actor.officer, "check-token", key, content=content)
        )

    def _checked(self, text: str, number: str, issuer: str) -> Checked:
        parts = self._desk.parts
        return verdict_of(text, number, issuer, parts.trust(), parts.clock.now_us(), self._is_withdrawn)

    def _statement(self, text: str) -> NotThisPerson | Checked:
        parts = self._desk.parts
        return statement_of(text, parts.trust(), parts.clock.now_us(), self._is_withdrawn)

    def _is_withdrawn(self, said: NotThisPerson) -> bool:
        """Tell whether the owner's withdrawal has come; of a token of our own its thread tells."""
        me = self._desk.parts.member
        if said.member == me:
            return is_withdrawn(self._desk.store.thread(ThreadKey(me, ExchangeId(said.id))))
        told = self._desk.store.holdings(jti=said.id, direction=Direction.IN, holder=me)
        return any(one.owner == said.member for one in told)


def _hits(search: Search, said: NotThisPerson) -> tuple[int, ...]:
    """Return the numbers of the owner's hits of the token's type, in its line."""
    line = next((line for line in search.lines if line.member == MemberId(said.member)), None)
    hits = line.hits if line is not None else ()
    return tuple(number for number, hit in enumerate(hits) if hit.record_type == said.record_type)
