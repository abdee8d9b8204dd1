"""The catalogue of events is what the code says."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.entries.event_fields import COMMON, FIELDS, meaning
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.entries.events import EVENTS
from gateway.ports.journal import Event, LogName
from tests.support.words import modules

ROOT = Path(__file__).parents[4]
CATALOGUE_PAGE = ROOT / "docs" / "audit-events.md"
PUBLIC = frozenset(Event.draft_of.__kwdefaults__ or ())


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


def test_an_entry_with_a_member_that_its_event_does_not_have_cannot_be_drafted() -> None:
    for event in EVENTS.values():
        with pytest.raises(TypeError, match=f"`{event.kind}` has no private member mood"):
            event.draft(mood="good")


def test_every_event_drafts_all_its_members_in_the_order_in_which_they_are_given() -> None:
    for event in EVENTS.values():
        members: dict[str, Any] = dict.fromkeys(reversed(event.fields), "")
        draft = event.draft_of(members, peer="vn")
        assert (draft.kind, draft.peer, list(draft.private)) == (event.kind, "vn", list(reversed(event.fields)))
        assert draft.retention is event.retention


def test_no_private_member_has_the_name_of_a_public_part() -> None:
    """It could not be told from it in a draft; nor may an event name what every kind may have."""
    for event in EVENTS.values():
        assert PUBLIC.isdisjoint(event.fields) or event.log is LogName.SOURCE  # drafted with a mapping
        assert set(COMMON).isdisjoint(event.fields)


def test_a_constant_is_named_after_its_kind() -> None:
    for kind, event in EVENTS.items():
        assert getattr(events, kind.upper().replace("-", "_")) is event
    assert len(EVENTS) == sum(isinstance(each, Event) for each in vars(events).values())


def test_the_retention_class_follows_the_log() -> None:
    """Content that only an auditor sees does not lie under the keys of operations, and the other way round."""
    for event in EVENTS.values():
        if event.log is LogName.EXCHANGE:
            assert event.retention in (Retention.NO_HIT, Retention.PROOF)
        if event.log is LogName.OPERATIONS:
            assert event.retention in (Retention.OPERATIONS, Retention.JUSTIFICATION, Retention.PROOF)


@cache
def sources() -> list[tuple[str, ast.AST]]:
    """Return every call and comparison of the modules that make drafts or look at kinds, with its file and line."""
    return [
        (f"{path}:{node.lineno}", node)
        for path, tree in modules(".draft(", ".draft_of(", "EntryDraft", ".kind").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call | ast.Compare)
    ]


def event_of(call: ast.AST) -> Event | None:
    """Return the event of `events.X.draft(…)` or `X.draft(…)`, None for any other expression."""
    method = call.func if isinstance(call, ast.Call) else None
    if not isinstance(method, ast.Attribute) or method.attr not in ("draft", "draft_of"):
        return None
    of = method.value
    name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
    return EVENTS.get(name.lower().replace("_", "-"))


@pytest.mark.long
def test_every_draft_in_the_program_gives_members_of_its_event() -> None:
    """Also where no test comes by: what is written as a keyword is compared with the event."""
    found = 0
    for place, node in sources():
        if (event := event_of(node)) is not None:
            assert isinstance(node, ast.Call)
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            assert given <= PUBLIC | set(event.fields), place
            found += 1
    assert found > 30


@pytest.mark.long
def test_only_an_event_makes_a_draft() -> None:
    calls = [
        place
        for place, node in sources()
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "EntryDraft"
    ]
    assert [place.partition(":")[0] for place in calls] == ["gateway/ports/journal.py"]


@pytest.mark.long
def test_no_code_compares_an_entry_with_a_kind_that_is_written_out() -> None:
    """A kind that is misspelt, or renamed elsewhere, would be compared in vain."""
    for place, node in sources():
        if isinstance(node, ast.Compare) and getattr(node.left, "attr", "") == "kind":
            words = {
                part.value for each in node.comparators for part in ast.walk(each) if isinstance(part, ast.Constant)
            }
            assert words.isdisjoint(EVENTS), place
