"""The catalogue of events is what the code says."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.events import EVENTS, document

CATALOGUE = Path(__file__).parents[2] / "docs" / "audit-events.md"


def test_the_catalogue_is_current() -> None:
    assert CATALOGUE.read_text(encoding="utf-8") == document(), (
        "run: python -m gateway.audit.events docs/audit-events.md"
    )


def test_every_kind_has_a_paragraph() -> None:
    text = CATALOGUE.read_text(encoding="utf-8")
    for kind, event in EVENTS.items():
        paragraph = text.partition(f"\n### `{kind}`\n")[2].partition("\n#")[0]
        assert event.meaning in paragraph
        assert all(f"`{name}`" in paragraph for name in event.fields)
