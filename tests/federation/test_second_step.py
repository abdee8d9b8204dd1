"""The second step over two nodes: a hit is followed up, a human there decides, and the package is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.audit.acts.passkeys import Passkey
from gateway.config.home import Home
from gateway.desk.acting.parts import Actor
from gateway.desk.acting.persons import may_read
from gateway.desk.acting.step import last_ask
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.desk.originator.lost_copies import UNKNOWN, LostCopies
from gateway.desk.people.lists import PERSON_COLUMNS, PERSONS
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Stale
from gateway.model.desk.notices import Note, OutcomeCode, OutcomeReport, ReplyCode, StatusCode, Urgency
from gateway.model.desk.offices import Contact
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.handed.asks import Decide, Question
from gateway.model.handed.work import Confirm, Mark, Verdict
from gateway.model.marking import SubjectCategory
from gateway.model.names import member_id
from gateway.model.purpose import Offence, Purpose
from gateway.ports.desk_uses import WorkItem, WorkQuery
from gateway.signing.passkeys.assertion import browser_assertion, challenge_of
from gateway.signing.passkeys.base64url import decode_url64
from gateway.statements.envelope import contents
from gateway.statements.notices.notice import parse_notice
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from tests.support.authenticator import RP_ID, Authenticator
from tests.support.exchange import CLOCK, entries, kinds
from tests.support.nodes import World
from tests.support.second_step import (
    DUTY,
    HOUR_US,
    OFFICER,
    REASONS,
    SECOND,
    SUPERVISOR,
    actor,
    asked,
    follow_up,
    hit,
    is_taken,
    step,
    step_world,
    works,
)
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = ("number", "holder_name", "status")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = step_world(tmp_path_factory.mktemp("step"))
    async with simulated(made) as made:
        yield made


async def test_a_hit_is_followed_up_approved_decided_and_opened(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    search_id = await hit(world)
    drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(search_id, fields=FIELDS))
    key = drafted.key
    assert kinds(th, key.thread_id) == []
    (approve,) = works(th, WorkKind.APPROVE, key=key)
    assert (approve.not_by, approve.id) == (OFFICER.officer.person, drafted.work.id)
    await step(world, "th").approvals.approve(SUPERVISOR, approve.id)
    await until(is_taken(th, key), "the ask is taken")
    assert not works(th, WorkKind.APPROVE, key=key)
    (asking,) = [each for each in entries(th) if each.entry.exchange_id == key.thread_id and each.entry.kind == "asked"]
    assert asking.private["officer"] == OFFICER.officer.person
    assert asking.private["approver"] == SUPERVISOR.officer.person
    assert asking.private["approver_token"] == SUPERVISOR.officer.token_hash.hex()

    there = type(key)(th.core.parts.member, key.thread_id)
    (work,) = works(vn, WorkKind.DECIDE, key=there)
    assert work.agency == "immigration"
    choice = await step(world, "vn").decisions.choice(DUTY, work.id)
    assert set(choice.default) == set(FIELDS) & set(choice.fresh.record.fields)
    decided = await step(world, "vn").decisions.decide(
        DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok")
    )
    assert decided.state == "sent"
    await until(is_taken(vn, there), "the reply is taken")
    assert not works(vn, WorkKind.DECIDE, key=there)

    (reading,) = works(th, WorkKind.READ, key=key)
    assert (reading.assigned, reading.result) == (OFFICER.officer.person, "")
    package = await step(world, "th").packages.open(OFFICER, key)
    (record,) = package.records
    assert set(record.fields) == set(choice.default)
    assert not works(th, WorkKind.READ, key=key)
    assert len(works(th, WorkKind.OUTCOME, key=key)) == 3
    await until(is_taken(th, key), "the word of the opening is taken")
    told = vn.desk.parts.store.notices(there)[-1]
    assert (told.placed.type, told.placed.code) == ("status", StatusCode.READ)

    (out,) = vn.desk.parts.store.holdings(jti=record.jti)
    (held,) = th.desk.parts.store.holdings(jti=record.jti)
    assert (out.direction, out.holder, out.state) == (Direction.OUT, "th", HoldingState.HELD)
    assert out.record.startswith("vn.immigration.border/")
    assert (held.direction, held.owner, held.source) == (Direction.IN, "vn", package.notice_id)

    again = await step(world, "th").packages.open(OFFICER, key)
    assert again == package
    assert len(works(th, WorkKind.OUTCOME, key=key)) == 3
    sent = [each for each in th.desk.parts.store.notices(key) if each.placed.type == "status"]
    assert len(sent) == 1
    opened = [each.private for each in entries(th, "operations") if each.entry.kind == "desk-act"]
    assert [each["act"] for each in opened if each["act"] == "open"] == ["open", "open"]

    await step(world, "th").packages.tell_outcome(OFFICER, key, OutcomeReport(OutcomeCode.ARRESTED, persons=1))
    thread = th.desk.parts.store.thread(key)
    assert thread is not None
    assert thread.state is ThreadState.ENDED


async def test_the_decision_stands_in_the_entry_with_its_human(world: World) -> None:
    vn = world.nodes["vn"]
    key, there, work = await asked(world, fields=("number", "birth"))
    decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the passport was reported stolen")
    decided = await step(world, "vn").decisions.decide(DUTY, decide)
    assert decided.answer is ReplyCode.PARTLY  # policy gives the birth to no human
    assert decided.fields == ("number",)
    row = vn.desk.parts.store.notices(there)[-1]
    (entry,) = [each for each in entries(vn) if each.entry.exchange_id == row.notice_id and each.entry.kind == "asked"]
    (human,) = entry.private["humans"]
    assert (human["by"], human["agency"], human["reason"]) == (DUTY.officer.person, "immigration", decide.reason)
    assert human["token"] == DUTY.officer.token_hash.hex()
    assert entry.private["withheld"]
    assert parse_notice(row.envelope).body.withheld_commitment  # type: ignore[union-attr]
    assert world.nodes["th"].desk.parts.store.thread(key) is not None


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (actor("vn", "d9", Role.DUTY, agency="police"), "another-agency"),
        (actor("vn", "n1", Role.NATIONAL_DESK, agency="police"), "another-agency"),
        (actor("vn", "o1", Role.OFFICER, agency="immigration"), "role-not-permitted"),
        (actor("vn", "d1", Role.DUTY, agency="immigration", trained_until_us=1), "training-over"),
        (actor("vn", "a1", Role.DUTY, Role.ADMINISTRATOR, agency="immigration"), "administrator"),
    ],
)
async def test_a_decision_is_refused_by_who_may_not(world: World, who: object, code: str) -> None:
    _, _, work = await asked(world)
    with pytest.raises(Forbidden) as caught:
        await step(world, "vn").decisions.decide(who, Decide(work=work.id, answer=ReplyCode.REFUSED, reason="no"))  # type: ignore[arg-type]
    assert caught.value.code == code


async def test_a_second_decision_after_the_first_is_refused(world: World) -> None:
    _, there, work = await asked(world)
    decisions = step(world, "vn").decisions
    await decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="not ours"))
    with pytest.raises(Stale) as caught:
        await decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="after all"))
    assert caught.value.code == "already-decided"
    assert len(world.nodes["vn"].desk.parts.store.notices(there)) == 2


async def test_a_human_can_only_narrow(world: World) -> None:
    _, _, work = await asked(world)
    decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="r", fields=("number", "birth"))
    with pytest.raises(Forbidden) as caught:
        await step(world, "vn").decisions.decide(DUTY, decide)
    assert caught.value.code == "not-releasable"


async def test_a_court_decides_where_policy_says_so(world: World) -> None:
    _, _, work = await asked(world, search_offence=Offence.PREC)
    with pytest.raises(LiaisonError) as caught:
        await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="r"))
    assert caught.value.code == "needs-court"


async def test_the_author_never_approves(world: World) -> None:
    search_id = await hit(world)
    both = actor("th", "1042", Role.OFFICER, Role.SUPERVISOR)
    drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(search_id))
    for who, code in (
        (both, "own-approval"),
        (actor("th", "8", Role.SUPERVISOR, office="th.blo.two"), "outside-reach"),
        (actor("th", "9", Role.OFFICER), "role-not-permitted"),
    ):
        with pytest.raises(Forbidden) as caught:
            await step(world, "th").approvals.approve(who, drafted.work.id)
        assert caught.value.code == code
    await step(world, "th").approvals.decline(SUPERVISOR, drafted.work.id, "the facts do not say why")
    with pytest.raises(Stale):
        await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
    (told,) = works(world.nodes["th"], WorkKind.READ, key=drafted.key)
    assert told.assigned == OFFICER.officer.person


async def test_two_persons_decide_where_policy_says_so(world: World) -> None:
    vn = world.nodes["vn"]
    _, there, work = await asked(world, search_offence=Offence.SCAM)
    decisions = step(world, "vn").decisions
    decided = await decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the first"))
    assert decided.state == "second"
    assert [each.placed.type for each in vn.desk.parts.store.notices(there)] == ["ask"]
    with pytest.raises(Forbidden) as own:
        await decisions.sign(DUTY, decided.work, "I am both")
    assert own.value.code == "own-approval"
    sent = await decisions.sign(SECOND, decided.work, "the second")
    assert sent.state == "sent"
    row = vn.desk.parts.store.notices(there)[-1]
    (entry,) = [each for each in entries(vn) if each.entry.exchange_id == row.notice_id and each.entry.kind == "asked"]
    assert [each["by"] for each in entry.private["humans"]] == [DUTY.officer.person, SECOND.officer.person]
    assert not works(vn, WorkKind.DECIDE, key=there)


async def test_an_ask_is_withdrawn_and_its_work_is_over(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, there, work = await asked(world)
    await step(world, "th").packages.withdraw(OFFICER, key, "the person has left")
    await until(is_taken(th, key), "the withdrawal is taken")
    assert not works(vn, WorkKind.DECIDE, key=there)
    with pytest.raises(Stale) as caught:
        await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.REFUSED, reason="no"))
    assert caught.value.code == "already-decided"


async def test_another_officer_neither_opens_nor_follows_up(world: World) -> None:
    _, there, work = await asked(world)
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(is_taken(world.nodes["vn"], there), "the reply is taken")
    key = type(there)(world.nodes["vn"].core.parts.member, there.thread_id)
    other = actor("th", "4444", Role.OFFICER)
    with pytest.raises(Forbidden):
        await step(world, "th").packages.open(other, key)
    with pytest.raises(LiaisonError) as caught:
        await step(world, "th").drafting.follow_up(other, follow_up(await hit(world)))
    assert caught.value.code in ("no-such-search", "unknown", "not-found")


async def test_who_has_a_passkey_decides_with_it_over_exactly_what_leaves(world: World) -> None:
    vn = world.nodes["vn"]
    person = actor("vn", "d5", Role.DUTY, agency="immigration")
    device, book = Authenticator(), PasskeyBook(vn.core.parts.documents)
    book.enrol(Passkey(person.officer.person, device.credential, device.spki, RP_ID, device.counter), "act", 1)
    _, there, work = await asked(world)
    decisions = step(world, "vn").decisions
    decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="reported stolen")
    with pytest.raises(Forbidden) as caught:
        await decisions.decide(person, decide)
    assert caught.value.code == "passkey-needed"
    waiting = await decisions.decide(person, replace(decide, challenge=True))
    assert waiting.state == "passkey"
    assert waiting.options is not None
    challenge = decode_url64(waiting.options["challenge"], "challenge", 64)
    with pytest.raises(BadSignature):
        await decisions.sign(person, work.id, decide.reason, browser_assertion(device.get(bytes(32))))
    assertion = browser_assertion(device.get(challenge))
    assert (await decisions.sign(person, work.id, decide.reason, assertion)).state == "sent"
    row = vn.desk.parts.store.notices(there)[-1]
    (entry,) = [each for each in entries(vn) if each.entry.exchange_id == row.notice_id and each.entry.kind == "asked"]
    (human,) = entry.private["humans"]
    assert human["proof"] == "passkey"
    payload_type, payload = contents(entry.request)
    assert challenge_of(payload_type, payload) == challenge


VALUES = (("plate", "2กข 4471"), ("country", "THA"), ("wanted", "owner"), ("legal-basis", "GMS border agreement, 4"))


async def test_a_question_goes_to_the_agency_of_its_topic_and_is_answered_in_words(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    command = Question(
        peer="vn",
        reasons=replace(REASONS, urgency=Urgency.PRIORITY, urgency_reason=""),
        purpose=Purpose.INVESTIGATION,
        offence=Offence.MONEY,
        topic="crossing",
        case="TH-2026-0417",
    )
    with pytest.raises(Forbidden) as caught:
        await step(world, "th").drafting.question(OFFICER, replace(command, case=""))
    assert caught.value.code == "no-ground"
    drafted = await step(world, "th").drafting.question(OFFICER, command)
    await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
    await until(is_taken(th, drafted.key), "the question is taken")
    there = type(drafted.key)(th.core.parts.member, drafted.key.thread_id)
    (work,) = works(vn, WorkKind.DECIDE, key=there)
    assert work.agency == "immigration"
    assert work.due_us - work.opened_us == 3 * 86_400 * 1_000_000
    decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="asked the crossing")
    with pytest.raises(LiaisonError) as silent:
        await step(world, "vn").decisions.decide(DUTY, decide)
    assert silent.value.code == "text-missing"
    await step(world, "vn").decisions.decide(DUTY, replace(decide, text="it crossed at noon"))
    await until(is_taken(vn, there), "the answer is taken")
    package = await step(world, "th").packages.open(OFFICER, drafted.key)
    assert (package.reply.text, package.records) == ("it crossed at noon", ())


async def test_n204_a_question_for_no_agency_is_the_national_desks_which_decides_or_passes_it_on(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    command = Question(
        peer="vn",
        reasons=REASONS,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.MONEY,
        topic="other",
        case="TH-2026-9",
    )
    with pytest.raises(Forbidden) as unknown:
        await step(world, "th").drafting.question(OFFICER, replace(command, to_office="vn.blo.nowhere"))
    assert unknown.value.code == "unknown-office"
    national = actor("vn", "n1", Role.NATIONAL_DESK, agency="customs", office="vn.capital")
    for passes in (False, True):
        drafted = await step(world, "th").drafting.question(OFFICER, command)
        await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
        await until(is_taken(th, drafted.key), "the question is taken")
        there = type(drafted.key)(th.core.parts.member, drafted.key.thread_id)
        (work,) = works(vn, WorkKind.DECIDE, key=there)
        assert (work.agency, work.office, work.role) == ("", "", Role.NATIONAL_DESK)
        decide = Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="looked", text="nothing is known")
        with pytest.raises(Forbidden):
            await step(world, "vn").decisions.decide(DUTY, decide)
        if passes:
            await step(world, "vn").handing.pass_on(national, work.id, "immigration", "theirs")
            thread = vn.desk.parts.store.thread(there)
            assert thread is not None
            assert thread.agency == "immigration", "its people read it"
        await step(world, "vn").decisions.decide(DUTY if passes else national, decide)


async def test_work_is_passed_on_to_agencies_that_are_there_and_who_has_it_reads_it(world: World) -> None:
    vn = world.nodes["vn"]
    _, there, work = await asked(world)
    police = _of_police(world)
    before = len(entries(vn, "operations"))
    with pytest.raises(Malformed) as strange:
        await step(world, "vn").handing.pass_on(DUTY, work.id, "polcie", "their case")
    assert (strange.value.code, len(entries(vn, "operations"))) == ("no-such-agency", before)
    for agency, who in (("police", DUTY), ("immigration", police), ("police", DUTY)):
        await step(world, "vn").handing.pass_on(who, work.id, agency, "theirs")
        thread = vn.desk.parts.store.thread(there)
        assert thread is not None
        readers = [may_read(each.person, thread, vn.core.parts.clock.now_us()) for each in (police, DUTY)]
        assert [not code for code in readers] == [agency == "police", agency == "immigration"]


async def test_what_nobody_of_an_agency_may_do_is_passed_on_to_the_national_desk(world: World) -> None:
    vn = world.nodes["vn"]
    people = vn.core.people
    _, there, work = await asked(world)
    police = actor("vn", "p1", Role.DUTY, agency="police")
    national = actor("vn", "n1", Role.NATIONAL_DESK, office="vn.capital")
    assert not people.lacks("customs", Role.DUTY), "without a list, tokens tell"
    people.tell(police.officer, (Role.DUTY,), CLOCK.now_us() + HOUR_US)
    with _data_officer_of_customs(world):
        for who, agency, role in ((DUTY, "police", Role.DUTY), (police, "customs", Role.NATIONAL_DESK)):
            await step(world, "vn").handing.pass_on(who, work.id, agency, "theirs")
            (moved,) = works(vn, WorkKind.DECIDE, key=there)
            assert (moved.agency, moved.role) == (agency, role)
    people.tell(police.officer, (Role.DUTY,), 0)
    back = await step(world, "vn").handing.pass_on(national, work.id, "immigration", "nobody there does it")
    assert back.agency == "immigration", "the national desk acts on it"


async def test_n206_an_answer_that_somebody_waits_for_stands_before_the_hits_of_all_searches(world: World) -> None:
    th = world.nodes["th"]
    key, _, work = await asked(world)
    searches = [await hit(world) for _ in range(3)]
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(lambda: bool(works(th, WorkKind.READ, key=key)), "the answer has come")
    seen, after = list[WorkItem](), ""
    while True:
        page = await th.desk.uses.queue.page(OFFICER.officer, WorkQuery(limit=1, folded=True, after=after))
        seen += page.items
        if not (after := page.next):
            break
    kinds_seen = [item.work.kind for item in seen]
    (answer,) = [place for place, item in enumerate(seen) if item.work.key == key and item.work.kind is WorkKind.READ]
    assert {item.work.urgency for item in seen[: answer + 1]} == {Urgency.FLASH}
    assert set(kinds_seen[kinds_seen.index(WorkKind.CONFIRM) :]) <= {WorkKind.CONFIRM, WorkKind.OUTCOME}
    confirmed = {item.work.notice_id: item for item in seen if item.work.kind is WorkKind.CONFIRM}
    assert len(confirmed) == kinds_seen.count(WorkKind.CONFIRM), "a search is one item"
    assert set(searches) <= confirmed.keys()
    for search, item in confirmed.items():
        rows = [each for each in works(th, WorkKind.CONFIRM) if each.notice_id == search]
        assert sorted((item.work.id, *item.folded)) == sorted(each.id for each in rows)
    await step(world, "th").packages.open(OFFICER, key)


async def test_a_form_goes_from_one_central_authority_to_the_other(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    writer = actor("th", "ca1", Role.CENTRAL_AUTHORITY, agency="police", office="th.capital")
    second = actor("th", "ca2", Role.CENTRAL_AUTHORITY, agency="police", office="th.capital")
    there_second = actor("vn", "ca9", Role.CENTRAL_AUTHORITY, agency="police", office="vn.capital")
    command = Question(
        peer="vn",
        reasons=replace(REASONS, urgency=Urgency.FLASH, facts="a car was seen"),
        purpose=Purpose.INVESTIGATION,
        offence=Offence.MONEY,
        form="vehicle-request",
        values=VALUES,
        case="TH-2026-0417",
    )
    with pytest.raises(LiaisonError) as unknown:
        await step(world, "th").drafting.question(writer, replace(command, values=(*VALUES, ("colour", "red"))))
    assert unknown.value.code == "unknown-field"
    drafted = await step(world, "th").drafting.question(writer, command)
    assert (drafted.work.role, drafted.work.urgency) == (Role.CENTRAL_AUTHORITY, Urgency.ROUTINE)
    with pytest.raises(Forbidden):
        await step(world, "th").approvals.approve(SUPERVISOR, drafted.work.id)
    await step(world, "th").approvals.approve(second, drafted.work.id)
    await until(is_taken(th, drafted.key), "the form is taken")
    there = type(drafted.key)(th.core.parts.member, drafted.key.thread_id)
    (work,) = works(vn, WorkKind.DECIDE, key=there)
    assert work.role is Role.CENTRAL_AUTHORITY
    decide = Decide(work=work.id, answer=ReplyCode.NOTHING_HELD, reason="no such plate")
    with pytest.raises(Forbidden):
        await step(world, "vn").decisions.decide(DUTY, decide)
    national = actor("vn", "n1", Role.NATIONAL_DESK, office="vn.capital")
    customs, its_own = actor("vn", "c2", Role.DUTY, agency="customs"), there_second.person.agency
    with _data_officer_of_customs(world):
        await step(world, "vn").handing.pass_on(national, work.id, "customs", "theirs")
        for who in (customs, national):
            with pytest.raises(Forbidden):
                await step(world, "vn").decisions.decide(who, decide)
    await step(world, "vn").handing.pass_on(national, work.id, its_own, "ours")
    back = Decide(work=work.id, answer=ReplyCode.CLARIFY, reason="which one", text="which province?")
    await step(world, "vn").decisions.decide(there_second, back)
    await until(lambda: bool(works(th, WorkKind.CLARIFY, key=drafted.key)), "it comes back")
    again = replace(REASONS, facts="of Chiang Rai", urgency_reason="it leaves today")
    with pytest.raises(Forbidden) as other:
        await step(world, "th").packages.clarify(writer, drafted.key, replace(again, category=SubjectCategory.VICTIM))
    assert (other.value.code, other.value.where) == ("persons-needed", "handling"), "a second person approved the ask"
    await step(world, "th").packages.clarify(writer, drafted.key, again)
    await until(is_taken(th, drafted.key), "the form is taken again")
    newest = last_ask(vn.desk.parts.store.notices(there))[2]
    assert (newest.facts, newest.values) == ("of Chiang Rai", VALUES)
    await step(world, "vn").decisions.decide(there_second, decide)


@contextmanager
def _data_officer_of_customs(world: World) -> Iterator[None]:
    """List one person for a while: a data officer of the customs of Viet Nam."""
    people, persons = world.nodes["vn"].core.people, Home(world.home("vn")).people / PERSONS
    persons.parent.mkdir(exist_ok=True)
    persons.write_text(
        f"{','.join(PERSON_COLUMNS)}\nvn.o.c1,customs,vn.blo.one,data-officer,,en,2099-01-01\n", encoding="utf-8"
    )
    people.look()
    try:
        yield
    finally:
        persons.unlink()
        people.look()


def _of_police(world: World) -> Actor:
    """Return one of the police of Viet Nam, who has told the node that they are there."""
    police, people = actor("vn", "p1", Role.DUTY, agency="police"), world.nodes["vn"].core.people
    people.tell(police.officer, (Role.AUDITOR,), CLOCK.now_us() + HOUR_US)
    return police


async def test_work_is_passed_on_and_its_record_stays_its_owners(world: World) -> None:
    vn = world.nodes["vn"]
    _, there, work = await asked(world)
    police = _of_police(world)
    with pytest.raises(Forbidden):
        await step(world, "vn").handing.pass_on(police, work.id, "police", "ours")
    moved = await step(world, "vn").handing.pass_on(DUTY, work.id, "vn.police", "their case")
    assert moved.agency == "police"
    assert (moved.due_us, moved.done_us) == (work.due_us, 0)
    with pytest.raises(Forbidden) as caught:
        await step(world, "vn").decisions.decide(
            police, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="given")
        )
    assert caught.value.code == "another-agency"
    assert [each.agency for each in works(vn, WorkKind.DECIDE, key=there)] == ["police"]


async def test_an_officer_marks_a_hit_and_another_person_is_told_to_its_owner(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    search_id = await hit(world)
    mark = Mark(search_id=search_id, peer="vn", hit=0, verdict=Verdict.SAME, reason="the photograph")
    assert await step(world, "th").marks.mark(OFFICER, mark) is None
    written = [each.private for each in entries(th, "operations") if each.entry.kind == "desk-act"][-1]
    assert (written["act"], written["content"]["verdict"]) == ("mark", "SAME")
    assert written["kind"] == "confirm"
    assert th.desk.parts.store.work(written["work"]).by == OFFICER.officer.person  # type: ignore[union-attr]
    key = await step(world, "th").marks.mark(OFFICER, replace(mark, verdict=Verdict.NOT_SAME, reason="another birth"))
    assert key is not None
    await until(is_taken(th, key), "the owner is told")
    there = type(key)(th.core.parts.member, key.thread_id)
    (work,) = works(vn, WorkKind.DISTINGUISH, key=there)
    assert (work.agency, work.role) == ("immigration", Role.DATA_OFFICER)
    assert work.due_us - work.opened_us == 12 * 3_600 * 1_000_000
    data = actor("vn", "data1", Role.DATA_OFFICER, agency="immigration")
    answer = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="the row has a mark now", text="told apart")
    assert (await step(world, "vn").decisions.decide(data, answer)).state == "sent"
    with pytest.raises(Forbidden):
        await step(world, "th").marks.mark(actor("th", "1042", Role.AUDITOR), mark)


async def test_a_hit_that_is_shown_is_work_and_another_person_is_told_to_its_owner(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    before = {each.id for each in works(th, WorkKind.CONFIRM)}
    await hit(world)
    (work,) = [each for each in works(th, WorkKind.CONFIRM) if each.id not in before]
    assert (work.assigned, work.agency, work.office) == (
        OFFICER.officer.person, OFFICER.officer.agency, OFFICER.officer.office,
    )  # fmt: skip
    assert work.due_us - work.opened_us == 8 * 3_600_000_000
    marks = step(world, "th").marks
    told = Confirm(work=work.id, verdict=Verdict.NOT_SAME, reason="another birth")
    for who in (actor("th", "77", Role.OFFICER), actor("th", "8", Role.SUPERVISOR, office="th.blo.two")):
        with pytest.raises(Forbidden):
            await marks.confirm(who, told)
    key = await marks.confirm(SUPERVISOR, told)
    assert key is not None
    await until(is_taken(th, key), "the owner is told")
    assert works(vn, WorkKind.DISTINGUISH, key=type(key)(th.core.parts.member, key.thread_id))
    with pytest.raises(Stale) as caught:
        await marks.confirm(OFFICER, replace(told, verdict=Verdict.SAME))
    assert caught.value.code == "already-decided"


async def test_an_opened_record_is_work_to_confirm(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    for verdict, opened in ((Verdict.CANNOT_TELL, None), (Verdict.NOT_SAME, "told")):
        key, there, work = await asked(world)
        await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
        await until(is_taken(vn, there), "the reply is taken")
        await step(world, "th").packages.open(OFFICER, key)
        (confirm,) = works(th, WorkKind.CONFIRM, key=key)
        found = await step(world, "th").marks.confirm(OFFICER, Confirm(work=confirm.id, verdict=verdict, reason="scar"))
        assert (found is not None) == (opened is not None)
        assert not works(th, WorkKind.CONFIRM, key=key)
        await until(is_taken(th, key), "the owner is told")
        assert bool(works(vn, WorkKind.DISTINGUISH, key=there)) == (opened is not None)


async def test_a_package_about_another_person_is_told_in_its_thread(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, there, work = await asked(world)
    await step(world, "vn").decisions.decide(DUTY, Decide(work=work.id, answer=ReplyCode.RELEASED, reason="ok"))
    await until(is_taken(vn, there), "the reply is taken")
    await step(world, "th").packages.not_same(OFFICER, key, "the photograph shows another person")
    await until(is_taken(th, key), "the owner is told")
    assert works(vn, WorkKind.DISTINGUISH, key=there)


async def test_the_national_desk_approves_while_no_supervisor_is_on_duty(world: World) -> None:
    th = world.nodes["th"]
    national = actor("th", "nd1", Role.NATIONAL_DESK, agency="customs", office="th.capital")
    search_id = await hit(world)
    alone = await step(world, "th").drafting.follow_up(OFFICER, follow_up(search_id))
    assert alone.work.role is Role.NATIONAL_DESK
    await step(world, "th").approvals.approve(national, alone.work.id)
    until_us = th.core.parts.clock.now_us() + 3_000_000
    th.core.people.tell(SUPERVISOR.officer, [Role.SUPERVISOR], until_us)
    drafted = await step(world, "th").drafting.follow_up(OFFICER, follow_up(search_id))
    assert drafted.work.role is Role.SUPERVISOR
    (card,) = th.desk.uses.phoning.of(drafted.key).here
    assert ([each.id for each in card.who.persons], card.who.national) == ([SUPERVISOR.officer.person], False)
    _list_contact(world)
    await until(lambda: bool(th.core.parts.trust().descriptor("vn").contacts), "the descriptor is read")
    (there,) = th.desk.uses.phoning.of(drafted.key).there
    assert there.reach == "+84 24 0000 0000"
    both = actor("th", "1042", Role.OFFICER, Role.SUPERVISOR)
    th.core.people.tell(both.officer, [Role.SUPERVISOR], until_us)
    (still,) = th.desk.uses.phoning.of(drafted.key).here
    assert [each.id for each in still.who.persons] == [SUPERVISOR.officer.person], "never its author"
    with pytest.raises(Forbidden) as caught:
        await step(world, "th").approvals.approve(national, drafted.work.id)
    assert caught.value.code == "supervisor-on-duty"
    await until(lambda: th.core.parts.clock.now_us() > until_us, "the shift is over")
    await step(world, "th").approvals.approve(national, drafted.work.id)


def _list_contact(world: World) -> None:
    """Let Viet Nam publish whom to phone."""
    member, held = world.federation["vn"], world.federation.view().descriptor("vn")
    publish_descriptor(
        member.home,
        member.authority,
        world.federation.clock,
        endpoints=held.endpoints,
        offices=held.offices,
        agencies=held.agencies,
        contacts=[Contact(held.offices[0], "+84 24 0000 0000")],
    )
    documents = publish_status(member.home, world.federation.clock)
    world.federation.share(world.federation.view("vn").descriptor("vn").data)
    world.federation.share(documents)


async def test_what_is_read_without_a_thread_is_ended_by_whom_it_is_for(world: World) -> None:
    th = world.nodes["th"]
    national = actor("th", "nd7", Role.NATIONAL_DESK, agency="customs", office="th.capital")
    parts = th.desk.parts
    draft = LostCopies(parts.parts, parts.store, lambda *_: ("", "", ""), lambda _source: "").untold(member_id("vn"), 1)
    await th.core.note(draft)
    (reading,) = [each for each in works(th, WorkKind.READ) if each.id.endswith(UNKNOWN)]
    assert parts.store.thread(reading.key) is None
    with pytest.raises(Forbidden):
        await step(world, "th").handing.note_read(OFFICER, reading.id)
    await step(world, "th").handing.note_read(national, reading.id)
    ended = await th.desk.uses.queue.work(national.officer, reading.id)
    assert (ended.work.result, ended.work.by) == ("read", national.officer.person)
    with pytest.raises(Stale):
        await step(world, "th").handing.note_read(national, reading.id)


async def test_a_note_reaches_the_other_side_and_its_reader_says_so(world: World) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    key, there, _ = await asked(world)
    await step(world, "vn").packages.note(DUTY, there, Note("vi", "đang kiểm tra"))
    await until(is_taken(vn, there), "the note is taken")
    (reading,) = works(th, WorkKind.READ, key=key)
    with pytest.raises(Forbidden):
        await step(world, "th").handing.note_read(actor("th", "4444", Role.OFFICER), reading.id)
    await step(world, "th").handing.note_read(OFFICER, reading.id)
    assert not works(th, WorkKind.READ, key=key)
