"""The lists of the desk: each empty one says what to do, and each asks for its own work."""

from __future__ import annotations

import re
from functools import partial

from gateway.console.pages.desk import DeskView, _query
from gateway.console.visits.render import Frame, _templates
from gateway.language import Language, tell
from tests.support.tables import table


@table("language", Language)
@table("are_matters", [False, True])
def test_an_empty_list_says_what_it_means_and_what_happens_next(are_matters: bool, language: Language) -> None:
    view = DeskView((), (), (), are_matters, (), 0, "", may_ask=False)
    desk, frame = _templates().get_template("pages/desk.html"), Frame("t", language, "p", "m")
    page = desk.render(frame=frame, view=view, live="", _=partial(tell, language))
    (told,) = re.findall(r'<div class="empty">\s*<h2>(.+)</h2>\s*<p>(.+)</p>', page)
    assert told[0] != told[1]


def test_each_list_asks_for_its_own_work() -> None:
    assert [(one.mine, one.all) for one in [_query(each, 50) for each in ("", "mine", "all")]] == [
        (False, False),
        (True, False),
        (False, True),
    ]
