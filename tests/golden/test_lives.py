"""The pages, entries, rows and notices of the desk's subjects are those of the golden files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.lives import tell_lives
from tests.golden.masks import Masks, without_repeats
from tests.golden.stored import FOLDER, differences

_MOST_BYTES = 400 << 10


@pytest.mark.process
@pytest.mark.timeout(300)  # seven lives
async def test_the_lives_of_the_desk_s_subjects_are_those_of_the_golden_files(tmp_path: Path) -> None:
    told = await tell_lives(tmp_path)
    found = [text for name, made in told.items() if (text := differences(name, made))]
    assert not found, "\n".join(found)


def test_the_golden_files_stay_small() -> None:
    sizes = {str(path.relative_to(FOLDER)): path.stat().st_size for path in FOLDER.rglob("*.txt")}
    assert sum(sizes.values()) <= _MOST_BYTES, sizes


def test_two_ids_that_differ_are_told_apart_and_what_is_random_is_not() -> None:
    masks = Masks()
    one, other = "0123456789abcdef" * 2, "fedcba9876543210" * 2
    assert masks.mask(f"{one} {other} {one}") == "<id 1> <id 2> <id 1>"
    assert masks.mask("a" * 64) == "<hash>"
    assert masks.mask("of Mae Sai, th.blo.aranyaprathet, DO_NOT_ALERT_SUBJECT") == (
        "of Mae Sai, th.blo.aranyaprathet, DO_NOT_ALERT_SUBJECT"
    )


def test_lines_that_stand_together_twice_are_told_once_and_a_change_in_them_shows() -> None:
    lines = [*"abcdef", "x", *"abcdef", "y"]
    told = without_repeats(lines).splitlines()
    assert told[:7] == [*"abcdef", "x"]
    assert told[7].startswith("… 6 lines as above, ")
    assert told[8] == "y"
    changed = without_repeats([*"abcdef", "x", *"abcdeg", "y"]).splitlines()
    assert changed[7].startswith("… 5 lines as above, ")
    assert changed[8:] == ["g", "y"]
