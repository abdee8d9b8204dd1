"""The keys of calls at the desk: a call has its effect once, and one that was broken off is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.clock import ManualClock
from gateway.desk.acting.once import OnceKeys
from gateway.desk.acting.parts import Actor
from gateway.desk.acts import Act
from gateway.desk.roles import Matter, Person, check_purpose, may, note_shown
from gateway.errors import Forbidden, Malformed, Replayed
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role
from gateway.model.names import ExchangeId
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer
from gateway.storage.documents.document_store import SqlDocumentStore
from tests.support.audit_logs import NOON, LogHome
from tests.support.exchange import VN

pytestmark = pytest.mark.asyncio

NOW_US = ManualClock(NOON).now_us()
SUPERVISOR = Actor(
    Officer("th.s.1", "supervisor", "th.blo", "police", frozenset({"BORDER_CHECK", "INVESTIGATION"}), bytes(32)),
    Person("th.s.1", frozenset({Role.SUPERVISOR}), "police", "th.blo", NOW_US + 1),
)
THREAD = ThreadKey(VN, ExchangeId("1" * 32))


class _Called:
    """A call that counts how often it was carried out, and is done at most by one at a time."""

    def __init__(self, documents: SqlDocumentStore) -> None:
        self.documents = documents
        self.readable: set[object] = {THREAD, "work-1"}
        self.keys = OnceKeys(documents, ManualClock(NOON), self._sees, self._sees)
        self.count = 0
        self._is_inside = False

    def _sees(self, _officer: Officer, shown: object) -> bool:
        return shown in self.readable

    async def send(
        self,
        key: str,
        asked: bytes = b"note",
        fault: BaseException | None = None,
        actor: Actor = SUPERVISOR,
        act: Callable[[Actor], None] = lambda _actor: None,
    ) -> bytes:
        """Carry the call out under a key, or break it off with `fault` once it began. `act` is what it does."""
        async with self.keys.once(actor, key, asked) as claim:
            if claim.answer:
                return claim.answer
            assert not self._is_inside
            self._is_inside = True
            await asyncio.sleep(0)
            self._is_inside = False
            if fault is not None:
                raise fault
            await asyncio.to_thread(act, actor)
            self.count += 1
            self.keys.keep(claim, b"done %d" % self.count)
        return b"done %d" % self.count


@pytest.fixture
def called(tmp_path: Path) -> Iterator[_Called]:
    with LogHome(tmp_path).documents() as documents:
        yield _Called(documents)


async def test_calls_at_once_have_one_effect_and_one_answer(called: _Called) -> None:
    assert await asyncio.gather(*(called.send("k") for _ in range(5))) == [b"done 1"] * 5
    assert await called.send("other") == b"done 2"


@pytest.mark.parametrize("fault", [Forbidden("no", code="not-yours"), RuntimeError("lost"), asyncio.CancelledError()])
async def test_what_was_refused_or_broken_off_is_carried_out_when_it_comes_again(
    called: _Called, fault: BaseException
) -> None:
    with pytest.raises(type(fault)):
        await called.send("k", fault=fault)
    with pytest.raises(Replayed):
        await called.send("k", b"something else")
    assert await called.send("k") == b"done 1"
    assert await called.send("k") == b"done 1"


async def test_a_call_that_was_not_well_formed_sets_its_key_free_but_not_that_of_another(called: _Called) -> None:
    with pytest.raises(Malformed):
        await called.send("k", fault=Malformed("no", code="bad-ask"))
    assert await called.send("k", b"something else") == b"done 1"
    with pytest.raises(Forbidden):
        await called.send("second", fault=Forbidden("no", code="not-yours"))
    with pytest.raises(Malformed):
        await called.send("second", fault=Malformed("no", code="bad-ask"))
    with pytest.raises(Replayed):
        await called.send("second", b"something else")


def approve(actor: Actor) -> None:
    """An act by a right of the table, for a purpose, that shows a thread and its work."""
    may(actor.person, Act.APPROVE, Matter("police", "th.blo"), NOW_US)
    check_purpose(actor.officer, Purpose.INVESTIGATION)
    note_shown(thread=THREAD, work="work-1")
    note_shown(thread=ThreadKey(VN, ExchangeId("2" * 32)))  # not readable to this person, then as now


def become(role: Role = Role.SUPERVISOR, office: str = "th.blo", agency: str = "police", **officer: object) -> Actor:
    """The same person in another role or place, or with another token."""
    who = replace(SUPERVISOR.officer, role=role.value, office=office, agency=agency, **officer)
    person = replace(SUPERVISOR.person, roles=frozenset({role}), office=office, agency=agency)
    return Actor(who, person)


async def test_n271_a_kept_answer_is_given_to_who_may_still_do_what_it_did(called: _Called) -> None:
    assert await called.send("k", act=approve) == b"done 1"
    assert await called.send("k", act=approve) == b"done 1"
    untrained = Actor(SUPERVISOR.officer, replace(SUPERVISOR.person, trained_until_us=NOW_US))
    for actor, cause in (
        (become(Role.OFFICER), "role-not-permitted"),
        (become(Role.ADMINISTRATOR), "administrator"),
        (become(office="th.other"), "outside-reach"),
        (become(agency="customs"), "outside-reach"),
        (become(purposes=frozenset({"BORDER_CHECK"})), "purpose-not-in-token"),
        (untrained, "training-over"),
    ):
        with pytest.raises(Forbidden) as refused:
            await called.send("k", actor=actor, act=approve)
        assert (refused.value.code, refused.value.facts["cause"]) == ("answer-kept-back", cause)
    assert called.count == 1


@pytest.mark.parametrize(("gone", "cause"), [(THREAD, "no-such-thread"), ("work-1", "no-such-work")])
async def test_n271_a_kept_answer_is_not_given_once_what_it_shows_is_hidden(
    called: _Called, gone: object, cause: str
) -> None:
    assert await called.send("k", act=approve) == b"done 1"
    called.readable.discard(gone)
    with pytest.raises(Forbidden) as refused:
        await called.send("k", act=approve)
    assert refused.value.facts["cause"] == cause
    called.readable.add(gone)
    assert await called.send("k", act=approve) == b"done 1"


async def test_n271_what_needed_no_right_is_answered_again_in_the_same_place_only(called: _Called) -> None:
    assert await called.send("k") == b"done 1"
    for actor in (become(Role.OFFICER), become(office="th.other"), become(agency="customs")):
        with pytest.raises(Forbidden) as refused:
            await called.send("k", actor=actor)
        assert refused.value.facts["cause"] == "role-not-permitted"


async def test_an_answer_that_an_earlier_version_kept_is_not_given(called: _Called) -> None:
    await called.send("k")
    (name,) = called.documents.keys("desk-keys")
    kept = called.documents.get("desk-keys", name)
    assert kept is not None
    called.documents.put("desk-keys", name, kept[:64] + b'200\n{"old": 1}', NOW_US + 1_000_000)
    with pytest.raises(Forbidden, match="is not given to you any more"):
        await called.send("k")
