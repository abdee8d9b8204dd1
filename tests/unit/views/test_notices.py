"""Opened entries of notices in lines and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.verify.content import read_contents
from gateway.language.languages import Language
from gateway.ops.audit.contents import OpenedEntries
from gateway.views.sheet_lines import opened_lines, opened_value
from tests.support.notice_logs import NOT_NOW, VN, make_pair
from tests.support.notices import ASK


@pytest.mark.long
def test_an_opened_notice_is_told_with_its_texts_its_place_and_its_receipt(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    pair.tell()
    pair.tell(refusal=NOT_NOW)
    home = pair.homes[VN]
    with home.store() as store:
        rows = [("exchange/1", opened) for opened in HomeLogs(store, home.keystore).rows("exchange/1", 0, 2)]
    found = OpenedEntries(VN, read_contents(rows, VN, pair.view(), answers=True), 0)
    text = "\n".join(line if isinstance(line, str) else line[0] for line in opened_lines(found, Language.EN))
    for part in ("notice: ask hit", "urgency: PRIORITY", "ผู้ต้องสงสัย", "outcome: taken", "outcome: refused", "not-now"):
        assert part in text
    first, second = json.loads(json.dumps(opened_value(found)))["exchanges"]
    assert first["notice"]["type"] == "ask"
    assert first["notice"]["head"]["thread_id"] == first["exchange_id"]
    assert first["notice"]["body"]["facts"] == ASK.body.facts  # type: ignore[union-attr]
    assert (first["receipt"]["refusal"], second["receipt"]["refusal"]["code"]) == (None, "not-now")
