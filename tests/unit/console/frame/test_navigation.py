"""Each role finds its places, in its language, and none that are another's."""

from __future__ import annotations

from gateway.console.frame.navigation import OPEN_TO, first_page, navigation
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from tests.support.tables import table


@table(
    ("role", "first", "hidden"),
    [
        (Role.OFFICER, "/gate", "/audit"),
        (Role.DUTY, "/desk", "/gate"),
        (Role.AUDITOR, "/holders", "/desk"),
        (Role.ADMINISTRATOR, "/neighbours", "/desk"),
    ],
)
def test_a_person_begins_where_the_work_is_and_sees_no_place_of_others(role: Role, first: str, hidden: str) -> None:
    roles = frozenset({role})
    shown = [link.href for link in navigation(roles, first, Language.EN)]
    assert first_page(roles) == first == shown[0]
    assert hidden not in shown
    assert all(role in OPEN_TO[href] for href in shown)


def test_the_place_of_a_page_below_it_is_marked_and_a_longer_name_is_not() -> None:
    every = frozenset(Role)
    assert [link.href for link in navigation(every, "/desk/events", Language.EN) if link.current] == ["/desk"]
    assert [link.href for link in navigation(every, "/desktop", Language.EN) if link.current] == []


@table("language", [one for one in Language if one is not Language.EN])
def test_no_place_keeps_its_english_name(language: Language) -> None:
    english = {link.text for link in navigation(frozenset(Role), "/", Language.EN)}
    assert english.isdisjoint(link.text for link in navigation(frozenset(Role), "/", language))
