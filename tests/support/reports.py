"""A report on a method, as an officer writes it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.model.handed.reports import WriteReport
from gateway.model.purpose import Offence, Purpose

METHOD: dict[str, Any] = {
    "method": "Tablets are hidden under the false floor of pick-up trucks ซ่อนยาบ้าใต้พื้นรถกระบะ",
    "concealment": "车底夹层, 12 袋",
    "indicators": ["new welds under the bed", "ກ່ອງໄມ້ໃຫມ່"],
    "route": [{"crossing": "mae-sai.tachilek"}, {"name": "เชียงราย"}],
    "price": "1,500,000 baht",
    "period": "2026-03/2026-05",
}


def report(**changes: Any) -> WriteReport:
    fields = METHOD | changes.pop("fields", {})
    first = WriteReport(fields, "th", Purpose.INVESTIGATION, Offence.NARC, case="C-2026-88")
    return replace(first, **changes)
