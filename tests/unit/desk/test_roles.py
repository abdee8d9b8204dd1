"""The table of roles: default deny, and the rules that no role lifts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.desk.acts import Act
from gateway.desk.raising import from_draft, from_first_decision
from gateway.desk.roles import CONTENTLESS, TABLE, Matter, Person, Reach, act_of, matter_of, may
from gateway.errors import Forbidden
from gateway.model.desk.notices import About, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Thread, Work
from tests.support.tables import table

NOW = 1_000
OWN = Matter("police", "gate", owner="police", officer="vn.o.1")


def person(
    *roles: Role, name: str = "vn.x.9", agency: str = "police", office: str = "gate", until: int = 9_999
) -> Person:
    return Person(name, frozenset(roles), agency, office, until)


def code(who: Person, act: Act, matter: Matter = OWN) -> str:
    """Return the code with which it is forbidden, empty where it is allowed."""
    try:
        may(who, act, matter, NOW)
    except Forbidden as error:
        return error.code
    return ""


def test_each_role_and_each_kind_of_work_stands_in_the_table() -> None:
    assert set(TABLE) == set(Role)
    ends = {act for acts in TABLE.values() for act in acts}
    assert {Act(kind.value) for kind in WorkKind} <= ends
    assert ends == set(Act)


@table(
    ("role", "act", "matter", "expected"),
    [
        (Role.OFFICER, Act.SEE, OWN, "outside-reach"),
        (Role.OFFICER, Act.SEE, replace(OWN, officer="vn.x.9"), ""),
        (Role.OFFICER, Act.SEE, replace(OWN, officer=""), "outside-reach"),
        (Role.OFFICER, Act.SEE_ALERT, OWN, ""),
        (Role.OFFICER, Act.SEE_ALERT, Matter(""), ""),
        (Role.OFFICER, Act.SEE_ALERT, Matter("", "gate"), ""),
        (Role.OFFICER, Act.SEE_ALERT, Matter("", "port"), "outside-reach"),
        (Role.OFFICER, Act.SEE_ALERT, Matter("customs", "gate"), "outside-reach"),
        (Role.OFFICER, Act.ASK, replace(OWN, officer="vn.x.9"), ""),
        (Role.OFFICER, Act.ASK, replace(OWN, officer="vn.x.9", grounded=False), "no-ground"),
        (Role.OFFICER, Act.APPROVE, OWN, "role-not-permitted"),
        (Role.OFFICER, Act.DECIDE, OWN, "role-not-permitted"),
        (Role.SUPERVISOR, Act.APPROVE, OWN, ""),
        (Role.SUPERVISOR, Act.APPROVE, replace(OWN, officer="vn.x.9"), "own-approval"),
        (Role.SUPERVISOR, Act.APPROVE, replace(OWN, not_by=frozenset({"vn.x.9"})), "own-approval"),
        (Role.SUPERVISOR, Act.APPROVE, replace(OWN, office="port"), "outside-reach"),
        (Role.SUPERVISOR, Act.APPROVE, replace(OWN, office=""), "outside-reach"),
        (Role.SUPERVISOR, Act.APPROVE, replace(OWN, agency="customs"), "outside-reach"),
        (Role.SUPERVISOR, Act.DECIDE, OWN, "role-not-permitted"),
        (Role.DUTY, Act.DECIDE, OWN, ""),
        (Role.DUTY, Act.DECIDE, replace(OWN, office="port"), ""),
        (Role.DUTY, Act.DECIDE, replace(OWN, agency="customs", owner="customs"), "another-agency"),
        (Role.DUTY, Act.DECIDE, replace(OWN, owner="customs"), "another-agency"),
        (Role.DUTY, Act.DECIDE, replace(OWN, not_by=frozenset({"vn.x.9"})), "own-approval"),
        (Role.DUTY, Act.ACKNOWLEDGE, replace(OWN, office=""), ""),
        (Role.DUTY, Act.ACKNOWLEDGE, replace(OWN, office="port"), "outside-reach"),
        (Role.NATIONAL_DESK, Act.APPROVE, replace(OWN, supervisor_on_duty=False, office="port"), ""),
        (Role.NATIONAL_DESK, Act.APPROVE, replace(OWN, office="port"), "supervisor-on-duty"),
        (Role.NATIONAL_DESK, Act.DECIDE, replace(OWN, agency="customs", owner="customs"), "another-agency"),
        (Role.NATIONAL_DESK, Act.DECIDE, replace(OWN, agency="customs", owner=""), "outside-reach"),
        (Role.NATIONAL_DESK, Act.DECIDE, Matter(""), ""),
        (Role.NATIONAL_DESK, Act.ACKNOWLEDGE, replace(OWN, office="port"), ""),
        (Role.HEAD_OF_DESK, Act.DECIDE, OWN, "role-not-permitted"),
        (Role.DATA_OFFICER, Act.COMPLY, OWN, ""),
        (Role.DATA_OFFICER, Act.CHANGE, replace(OWN, agency="customs"), "outside-reach"),
        (Role.APPROVER, Act.APPROVE_ALERT, OWN, ""),
        (Role.APPROVER, Act.APPROVE, OWN, "role-not-permitted"),
        (Role.CENTRAL_AUTHORITY, Act.APPROVE_FORM, replace(OWN, agency="customs"), ""),
        (Role.CENTRAL_AUTHORITY, Act.DECIDE, OWN, "role-not-permitted"),
        (Role.CENTRAL_AUTHORITY, Act.DECIDE_FORM, replace(OWN, owner="customs"), "another-agency"),
        (Role.AUDITOR, Act.SEE, OWN, "role-not-permitted"),
        (Role.SECURITY_OFFICER, Act.INCIDENT, replace(OWN, agency=""), ""),
        (Role.SECURITY_OFFICER, Act.SEE, OWN, "role-not-permitted"),
        (Role.ADMINISTRATOR, Act.LIST, OWN, ""),
        (Role.ADMINISTRATOR, Act.SEE, OWN, "administrator"),
    ],
)
def test_a_role_reaches_as_far_as_the_table_says(role: Role, act: Act, matter: Matter, expected: str) -> None:
    assert code(person(role), act, matter) == expected


def test_without_a_role_nothing_is_allowed() -> None:
    assert {code(person(), act) for act in Act} == {"role-not-permitted"}


def test_a_supervisor_of_another_office_who_is_at_the_national_desk_approves_only_as_the_latter() -> None:
    both = person(Role.SUPERVISOR, Role.NATIONAL_DESK, office="port")
    assert code(both, Act.APPROVE) == "supervisor-on-duty"
    assert code(both, Act.APPROVE, replace(OWN, supervisor_on_duty=False)) == ""


_ROLES = st.frozensets(st.sampled_from(Role))
_MATTERS = st.builds(
    Matter,
    st.sampled_from(["", "police", "customs"]),
    st.sampled_from(["", "gate", "port"]),
    st.sampled_from(["", "police", "customs"]),
    st.sampled_from(["", "vn.x.9", "vn.o.1"]),
    st.frozensets(st.sampled_from(["vn.x.9", "vn.o.1"])),
    st.booleans(),
    st.booleans(),
)


@given(_ROLES, st.sampled_from(Act), _MATTERS, st.integers(-5, NOW))
def test_a_person_whose_training_is_over_may_nothing(
    roles: frozenset[Role], act: Act, matter: Matter, until: int
) -> None:
    assert code(person(*roles, until=until), act, matter) == "training-over"
    assert code(person(*roles, until=NOW), act, matter) == "training-over"


@given(_ROLES, st.sampled_from(Act), _MATTERS)
def test_an_administrator_never_sees_content_whatever_else_they_are(
    roles: frozenset[Role], act: Act, matter: Matter
) -> None:
    if act not in CONTENTLESS:
        assert code(person(Role.ADMINISTRATOR, *roles), act, matter) == "administrator"


@given(_ROLES, st.sampled_from(Act), _MATTERS)
def test_nobody_approves_their_own_or_releases_another_agency_s_record_whatever_their_roles(
    roles: frozenset[Role], act: Act, matter: Matter
) -> None:
    who = person(*roles)
    if code(who, act, matter) == "":
        assert who.person not in matter.not_by
        assert not (act.value.startswith(("approve", "review")) and matter.officer == who.person)
        assert not (act.value.startswith("decide") and matter.owner not in ("", who.agency))
        assert any(act in TABLE[role] for role in roles)


@given(_ROLES, _ROLES, st.sampled_from(Act), _MATTERS)
def test_a_further_role_takes_nothing_away_but_for_administrators(
    roles: frozenset[Role], more: frozenset[Role], act: Act, matter: Matter
) -> None:
    if Role.ADMINISTRATOR not in more and code(person(*roles), act, matter) == "":
        assert code(person(*roles, *more), act, matter) == ""


def _thread(kind: ThreadKind) -> Thread:
    key = ThreadKey(MemberId("th"), ExchangeId("t1"))
    state, urgency = ThreadState.NEW, Urgency.FLASH
    return Thread(
        key,
        kind,
        opener=True,
        state=state,
        urgency=urgency,
        version=1,
        opened_us=1,
        agency="police",
        office="gate",
        officer="vn.o.1",
    )


def test_the_facts_of_work_say_who_may_end_it() -> None:
    draft = replace(from_draft(_thread(ThreadKind.ASK), "d1", 1, about=About.HIT), assigned="vn.s.2")
    act, matter = act_of(draft, ThreadKind.ASK), matter_of(draft)
    assert act is Act.APPROVE
    assert code(person(Role.SUPERVISOR, name="vn.s.2"), act, matter) == ""
    assert code(person(Role.SUPERVISOR, name="vn.o.1"), act, matter) == "own-approval"
    assert act_of(draft, ThreadKind.ALERT) is Act.APPROVE_ALERT
    form = from_draft(_thread(ThreadKind.ASK), "d1", 1, about=About.FORM)
    assert act_of(form, ThreadKind.ASK) is Act.APPROVE_FORM


def test_the_second_of_two_who_decide_is_another_person() -> None:
    first: Work = replace(from_draft(_thread(ThreadKind.ASK), "n1", 1), kind=WorkKind.DECIDE, role=Role.DUTY, not_by="")
    second = from_first_decision(_thread(ThreadKind.ASK), first, "vn.d.7", 2)
    assert code(person(Role.DUTY, name="vn.d.7"), act_of(second, ThreadKind.ASK), matter_of(second)) == "own-approval"
    assert code(person(Role.DUTY, name="vn.d.8"), act_of(second, ThreadKind.ASK), matter_of(second)) == ""
    customs = person(Role.DUTY, name="vn.d.8", agency="customs")
    assert code(customs, Act.DECIDE, matter_of(second)) == "another-agency"


def test_reaches_are_only_those_of_the_table() -> None:
    assert {reach for acts in TABLE.values() for reach in acts.values()} == set(Reach)
