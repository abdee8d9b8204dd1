"""Deliberate mistakes in the program, each of which the tests that name its place must see.

A mistake is a row of a table in `table/`, a file for each part of the house:

    [an-expired-charter-lets-exchanges-begin]       # the mistake in plain words: its name
    file = "gateway/trust/view.py"                  # where it is made
    old = "if now >= charter.expires:"              # the text there: it stands exactly once in the file
    new = "if False:"                               # what it becomes
    tests = ["tests/unit/trust/test_view.py"]       # files or tests that hold the place, a few seconds in all

Whoever adds a check that a threat case, a duty or an invariant rests on adds the row of the mistake that leaves it out,
and sees it fall: `make mutants MUTANTS=an-expired-charter`. A mistake that nothing sees gets a test and not another
name; one that changes nothing that can be told from outside is no mistake, and is not here. `tests` name whole
files or test functions, never one row of a parametrised test. `tests/unit/house/test_mutants.py` holds that each row
still fits its file and that its tests exist.
"""
