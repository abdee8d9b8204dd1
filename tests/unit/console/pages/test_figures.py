"""The page of figures: bars are beside labels, with the same figures as the page that is handed on."""

from __future__ import annotations

from gateway.console.pages.figures import _bars, _table
from gateway.desk.figures.months import month_of
from gateway.desk.figures.pack import Pack, Row, Table
from gateway.desk.figures.published import HIDDEN, Cell
from gateway.language.languages import Language
from gateway.views.pack.page import pack_view


def test_bars_and_tables_say_what_the_handed_page_says() -> None:
    rows = (Row("SEIZED", (Cell("count", 20), Cell("persons", None), Cell("count", HIDDEN), Cell("persons", None))),)
    outcome = Table("outcome", "", ("ours", "ours-persons", "theirs", "theirs-persons"), rows)
    pack = Pack("th", "vn", "", "", month_of("2026-11", "th"), "now", False, 30, (outcome,))
    (shown,) = pack_view(pack, Language.TH).tables
    title, bars, written = _bars(shown)
    assert (bars, written) == ([("ยึดได้", 100)], ["20"]) or bars[0][1] == 100
    assert title.startswith(shown.title)
    assert _table(shown, "what").heads[0] == "what"
    assert _table(shown, "what").rows[0][1:] == ("20", "–", "<5", "–")
