"""The lists of the desk: each empty one says what to do, and each asks for its own work."""

from __future__ import annotations

from gateway.console.pages.desk import _empty, _query
from gateway.language.languages import Language
from tests.support.tables import table


@table("language", Language)
@table("which", ["", "mine", "all", "threads"])
def test_an_empty_list_says_what_it_means_and_what_happens_next(which: str, language: Language) -> None:
    title, line = _empty(which, language)
    assert title
    assert line
    assert title != line


def test_each_list_asks_for_its_own_work() -> None:
    assert [(one.mine, one.all) for one in [_query(each, 50) for each in ("", "mine", "all")]] == [
        (False, False),
        (True, False),
        (False, True),
    ]
