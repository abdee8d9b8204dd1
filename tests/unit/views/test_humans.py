"""What an auditor reads of a human's decision is who and why, and no bytes that only a program reads."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.views.sheets import without_assertions
from tests.support.authenticator import Authenticator
from tests.support.deciding import evidence


def test_the_assertion_of_a_passkey_is_left_to_programs() -> None:
    human = evidence("th.d.7", b"payload", Authenticator()).as_json()
    (shown,) = without_assertions("humans", [human])
    assert shown["by"] == "th.d.7"
    assert shown["proof"] == "passkey"
    assert "assertion" not in shown
    assert without_assertions("other", [human]) == [human]


@pytest.mark.parametrize("value", ["x", 7, {"assertion": 1}])
def test_what_is_no_list_of_humans_is_shown_as_it_is(value: Any) -> None:
    assert without_assertions("humans", value) == value
