"""Each act of each subject is refused and has its effects alike over REST, by command and by form."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from gateway.audit.acts.desk_acts import DESK_ACTS
from tests.faces.acting import FACES, LOOKS, Faces, acts_of, notices_of
from tests.faces.common import KEEPER
from tests.faces.registered import PLACES, without_row
from tests.faces.table import BEFORE, ELSEWHERE, SUBJECTS
from tests.golden.world import ENDS, Ground
from tests.support.cli import Liaison
from tests.support.exchange import sample_world
from tests.support.matters import with_consoles
from tests.support.second_step import with_rules
from tests.support.simulator import simulated

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]
_INVITED = "kh"
"""The member without a node that is only asked whether it takes part in an operation."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    made = with_consoles(with_rules(sample_world(tmp_path_factory.mktemp("faces"), (*ENDS, _INVITED))))
    for end in ENDS:
        with (made.home(end) / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write("[oversight]\nreview_percent = 0\n")  # chance picks what is reviewed
    async with AsyncExitStack() as stack:
        yield Ground(await stack.enter_async_context(simulated(made, ENDS, is_open=True)), stack)


@pytest.fixture
def faces(ground: Ground, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Faces:
    return Faces(ground, Liaison(capsys), monkeypatch)


@pytest.mark.parametrize("subject", PLACES)
async def test_each_call_command_and_form_of_a_subject_has_a_row(subject: str, ground: Ground) -> None:
    rows = [row for life in SUBJECTS.values() for row in life]
    assert without_row(PLACES[subject], ground.world.nodes["th"], rows) == []


async def test_each_act_that_gets_an_entry_has_a_row_or_is_told_of_elsewhere() -> None:
    done = {act for life in SUBJECTS.values() for row in life for act in row.acts.split()}
    assert not done & ELSEWHERE
    assert done | ELSEWHERE == DESK_ACTS.keys() - LOOKS


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_each_act_is_refused_and_done_alike_through_each_face(subject: str, faces: Faces) -> None:
    rows, lives, wrong = SUBJECTS[subject], [], []
    for face in FACES:
        known = await BEFORE[subject](faces.ground.world) if subject in BEFORE else {}
        told, faults = await faces.life(face, rows, known)
        lives.append(told)
        wrong += faults
    first, *others = lives
    for row, lines in zip(rows, first, strict=False):
        for what, found, wanted in (
            ("acts", acts_of(lines), row.acts.split()),
            ("notices", notices_of(lines), row.tells.split()),
        ):
            wrong += [f"{row.name}: {what} {found} and not {wanted}"] if sorted(found) != sorted(wanted) else []
    names = [*(row.name for row in rows), "afterwards"]
    for face, told in zip(FACES[1:], others, strict=True):
        for name, one, other in zip(names, first, told, strict=True):
            wrong += difflib.unified_diff(one, other, f"{name} by {FACES[0]}", f"by {face}", lineterm="")
    assert not wrong, "\n".join(wrong)


async def test_a_token_is_listed_and_shown_alike_over_rest_and_by_command(faces: Faces) -> None:
    await faces.life("rest", SUBJECTS["token"][:1], await BEFORE["token"](faces.ground.world))
    shown, printed = await faces.shown(KEEPER, "GET misuse/{issued}", "misuse show {issued}")
    assert printed == shown
    assert shown["withdrawn"] == ""
    listed, printed = await faces.shown(KEEPER, "GET misuse", "misuse list")
    assert printed == listed
    assert shown in listed["tokens"]
