"""No sentence of the program is lost by the way in which sentences are found."""

from __future__ import annotations

import pytest

from tests.golden.sentences import FILE, found, stored
from tests.golden.stored import AGAIN


@pytest.mark.long
def test_no_sentence_is_lost_and_each_new_one_stands_in_the_golden_file() -> None:
    made, there = found(), stored()
    lost = [f"lost: {sentence}" for sentence in sorted(there - made)]
    new = [f"new: {sentence}" for sentence in sorted(made - there)]
    hint = f"a sentence that was taken out on purpose: take its line out of {FILE.name}; otherwise {AGAIN}"
    assert not lost + new, "\n".join([*lost, *new, hint])
