"""What may leave: by type, then by marking; an unknown word keeps a report at home."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.leaving import Audience, Label, check_type, reach_of
from gateway.errors import Forbidden, Unsupported
from gateway.model.marking import Caveat, Level, Onward, UseCode
from gateway.records.types import RECORD_TYPES
from tests.support.report_feed import marking
from tests.support.tables import table

CODES: dict[str, Any] = {
    "level": [*Level, "SECRET", "", None],
    "onward": [*Onward, "ANYWHERE", None],
    "use": st.lists(st.sampled_from([*UseCode, "U9", 3]), max_size=3),
    "caveats": st.lists(st.sampled_from([*Caveat, "NEW"]), max_size=2),
}


def test_every_type_of_record_but_the_report_of_methods_stays() -> None:
    for name in [*RECORD_TYPES, "SeizureRecord", "", "modusoperandireport"]:
        if name == "ModusOperandiReport":
            check_type(name)
            continue
        with pytest.raises(Unsupported, match="does not leave"):
            check_type(name)


@table(
    ("changes", "own", "received"),
    [
        ({"level": "OPEN", "use": []}, (Label.CLEAR, Audience.PUBLIC), (Label.CLEAR, Audience.PUBLIC)),
        ({"level": "OPEN"}, (Label.CLEAR, Audience.PUBLIC), (Label.CLEAR, Audience.COUNTRY)),
        ({}, (Label.AMBER, Audience.COUNTRY), (Label.AMBER, Audience.COUNTRY)),
        ({"onward": "SAME_AGENCY"}, (Label.AMBER_STRICT, Audience.AGENCY), (Label.AMBER_STRICT, Audience.AGENCY)),
        ({"use": ["U0", "U2"]}, (Label.AMBER, Audience.COUNTRY), None),
        ({"use": ["U2"], "onward": "ASK"}, (Label.AMBER, Audience.COUNTRY), None),
        ({"onward": "ASK"}, (Label.AMBER, Audience.COUNTRY), None),
        ({"onward": "SAME_UNIT"}, None, None),
        ({"onward": "NONE"}, None, None),
        ({"level": "RESTRICTED"}, None, None),
        ({"caveats": ["SAFE"]}, None, None),
        ({"delete_after_use": True}, None, None),
    ],
)
def test_a_label_is_derived_from_the_marking(changes: dict[str, Any], own: Any, received: Any) -> None:
    assert reach(marking(**changes), "", True) == own
    assert reach(marking(**changes), "", False) == received


@table(
    ("tlp", "own"),
    [
        ("TLP:GREEN", (Label.GREEN, Audience.PARTNERS)),
        ("TLP:AMBER", (Label.AMBER, Audience.COUNTRY)),
        ("TLP:AMBER+STRICT", (Label.AMBER_STRICT, Audience.AGENCY)),
        ("TLP:CLEAR", (Label.CLEAR, Audience.PUBLIC)),
        ("TLP:RED", None),
        ("TLP:WHITE", None),
    ],
)
def test_of_our_own_reports_the_node_knows_the_label_and_of_others_the_owner_s_marking(tlp: str, own: Any) -> None:
    assert reach(marking(), tlp, True) == own
    assert reach(marking(), tlp, False) == (Label.AMBER, Audience.COUNTRY)
    assert reach(marking(level="RESTRICTED"), tlp, True) is None


def reach(given_marking: dict[str, Any], tlp: str, is_own: bool) -> tuple[Label, Audience] | None:
    """What may leave, and how far; None where nothing may."""
    try:
        return reach_of(given_marking, tlp, is_own=is_own)
    except Forbidden:
        return None


@given(
    level=st.sampled_from(CODES["level"]),
    onward=st.sampled_from(CODES["onward"]),
    use=CODES["use"],
    caveats=CODES["caveats"],
    is_own=st.booleans(),
)
def test_what_is_received_goes_no_farther_than_what_is_ours_and_unknown_words_stay(
    level: Any, onward: Any, use: Any, caveats: Any, is_own: bool
) -> None:
    given_marking = marking(level=level, onward=onward, use=use, caveats=caveats)
    known = level in list(Level) and onward in list(Onward) and set(use) <= set(UseCode)
    got = reach(given_marking, "", is_own)
    if got is not None:
        assert known
        assert not caveats
        assert level != Level.RESTRICTED
        assert is_own or not use or got[1] <= Audience.COUNTRY
    received, own = reach(given_marking, "", False), reach(given_marking, "", True)
    assert received is None or (own is not None and received[1] <= own[1])
