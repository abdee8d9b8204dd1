"""The pages in `docs/desk` say what the tables say."""

from __future__ import annotations

from gateway.desk.fold import TABLE
from tests.support.desk_pages import states_page


def test_the_page_of_states_names_each_state_and_code() -> None:
    page = states_page()
    missing = {word for key, to in TABLE.items() for word in (key[1].value, key[3], to.value) if word not in page}
    assert missing == set()
