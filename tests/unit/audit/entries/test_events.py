"""The catalogue of events is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.entries.event_fields import FIELDS, meaning
from gateway.audit.entries.events import EVENTS, document
from gateway.ports.journal import EntryDraft
from tests.support.catalogue import CATALOGUE, UnknownMember, made_up

CATALOGUE_PAGE = Path(__file__).parents[4] / "docs" / "audit-events.md"


def test_the_catalogue_is_current() -> None:
    assert CATALOGUE_PAGE.read_text(encoding="utf-8") == document(), (
        "run: python -m gateway.audit.entries.events docs/audit-events.md"
    )


def test_every_kind_has_a_paragraph() -> None:
    text = CATALOGUE_PAGE.read_text(encoding="utf-8")
    for kind, event in EVENTS.items():
        paragraph = text.partition(f"\n### `{kind}`\n")[2].partition("\n#")[0]
        assert event.meaning in paragraph
        assert all(f"`{name}`" in paragraph for name in event.fields)


def test_every_member_of_every_kind_has_its_meaning() -> None:
    text = CATALOGUE_PAGE.read_text(encoding="utf-8")
    for kind, event in EVENTS.items():
        paragraph = text.partition(f"\n### `{kind}`\n")[2].partition("\n#")[0]
        for name in event.fields:
            assert f"| `{name}` | {meaning(kind, name)} |" in paragraph


def test_no_meaning_is_left_of_what_nobody_writes() -> None:
    """A meaning for one kind belongs to a member of it, a common one to a member of some kind that has no own."""
    used = set()
    for kind, event in EVENTS.items():
        used |= {f"{kind}.{name}" if f"{kind}.{name}" in FIELDS else name for name in event.fields}
    assert set(FIELDS) == used


def test_an_entry_with_a_member_that_has_no_meaning_fails_its_test() -> None:
    CATALOGUE.look(EntryDraft("start", private={"version": "1", "mood": "good"}))
    with pytest.raises(UnknownMember, match=r"start\.mood"):
        CATALOGUE.check()
    with made_up(["start.mood"]):
        CATALOGUE.look(EntryDraft("start", private={"mood": "good"}))
        CATALOGUE.check()
    CATALOGUE.check()
