"""Return the person of the desk that an officer's token and the lists of the home make together."""

from __future__ import annotations

from gateway.desk.people.directory import People
from gateway.desk.roles import Person
from gateway.model.desk.work import Role
from gateway.model.requester import Officer

_TOKEN_US = 600_000_000
"""A token lives for so long at most; each call checks the training anew."""


def bearer(officer: Officer, people: People, now_us: int) -> Person:
    """Return who acts: office and agency as the token names them, roles and training as the list does.

    A person of no list has the role of the token where it is one of the desk, else that of an officer; the training
    was checked with the token. Roles in which a person is on duty now count as well.
    """
    listed = people.person(officer.person)
    roles = listed.roles if listed is not None else frozenset({_role(officer.role)})
    return Person(
        officer.person,
        roles | people.roles_on_duty(officer, now_us),
        officer.agency,
        officer.office,
        listed.training_until_us if listed is not None else now_us + _TOKEN_US,
    )


def _role(name: str) -> Role:
    return Role(name) if name in set(Role) else Role.OFFICER
