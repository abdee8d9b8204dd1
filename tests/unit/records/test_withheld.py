from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Contradicted, Malformed
from gateway.model.hit import Withheld
from gateway.records.claims import check_withheld, commit_withheld
from tests.support.tables import table

LIST = [Withheld("digest-1", "national/hide-address"), Withheld("digest-2", "base/lead-only")]


@given(st.lists(st.builds(Withheld, st.text(), st.text())))
def test_the_opening_gives_the_list_back(withheld: list[Withheld]) -> None:
    withheld = [item for item in withheld if (item.digest + item.rule).isprintable()]
    commitment, opening = commit_withheld(withheld)
    assert len(commitment) == 32
    assert check_withheld(commitment, opening) == tuple(withheld)


def test_the_same_list_has_another_commitment_each_time() -> None:
    """T16: an empty list cannot be told from a full one."""
    assert commit_withheld([])[0] != commit_withheld([])[0]


@table(
    "change",
    [
        {"salt": "00" * 32},
        {"withheld": []},
        {"withheld": [["digest-1", "national/hide-address"]]},
        {"withheld": [["digest-2", "base/lead-only"], ["digest-1", "national/hide-address"]]},
    ],
)
def test_another_list_or_salt_is_contradicted(change: dict[str, object]) -> None:
    commitment, opening = commit_withheld(LIST)
    with pytest.raises(Contradicted):
        check_withheld(commitment, opening | change)


@table(
    "opening",
    [
        {},
        {"salt": "00"},
        {"salt": "zz", "withheld": []},
        {"salt": "00", "withheld": []},
        {"salt": "00" * 32, "withheld": 1},
        {"salt": "00" * 32, "withheld": [["a"]]},
        {"salt": "00" * 32, "withheld": [["a", 1]]},
    ],
)
def test_an_opening_of_another_form_is_malformed(opening: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        check_withheld(b"\0" * 32, opening)
