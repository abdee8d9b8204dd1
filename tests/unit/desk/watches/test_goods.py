"""Goods of declarations: what fits, what is too little to ask for, and texts that are not headings."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.desk.watches.goods import goods_match
from gateway.desk.watches.wide import check_width
from gateway.errors import Forbidden, Malformed
from gateway.matching.thresholds import USUAL
from gateway.model.desk.watches import Goods
from gateway.model.hit import Quality
from tests.support.tables import table

DECLARED: dict[str, Any] = {
    "containers": ["MSCU1234566", {"number": "LSNU4471029"}],
    "lines": [{"hs": "2933.39"}, "0402.10"],
    "consignee": {"name": "GOLDEN STAR TRADING CO LTD"},
    "route": ["Mae Sot", {"name": "Yangon"}],
}


@table(
    "goods",
    [
        Goods(container="MSCU 123456 6"),
        Goods(container="LSNU4471029"),
        Goods(heading="2933"),
        Goods(heading="293339"),
        Goods(heading="0402"),
        Goods(consignee="Golden Star Trading"),
        Goods(heading="2933", consignee="Golden Star Trading", route="mae sot", container="MSCU1234566"),
    ],
)
def test_a_declaration_that_says_all_of_it_fits(goods: Goods) -> None:
    match = goods_match(goods, DECLARED, USUAL)
    assert match is not None
    assert match.rules[0].startswith("goods-")


@table(
    "goods",
    [
        Goods(container="MSCU1234567"),
        Goods(heading="2934"),
        Goods(heading="2933399"),
        Goods(consignee="Silver Moon Trading Co Ltd"),
        Goods(heading="2933", route="Mukdahan"),
    ],
)
def test_one_that_lacks_a_part_does_not(goods: Goods) -> None:
    assert goods_match(goods, DECLARED, USUAL) is None


def test_a_record_of_any_form_is_read_without_an_error() -> None:
    strange: dict[str, Any] = {"containers": [None, 1, {}], "lines": [[], {"hs": None}], "consignee": 3, "route": [{}]}
    assert goods_match(Goods(heading="2933", container="A12"), strange, USUAL) is None


@table(
    "goods",
    [
        Goods(),
        Goods(route="Yangon"),
        *(Goods(consignee=name) for name in ("Co., Ltd", "TRADING CO LTD", "Import-Export Company Limited")),
        *(Goods(consignee=name, route="Mae Sot") for name in ("Công ty TNHH", "บริษัท จำกัด", "ບໍລິສັດ ຈຳກັດ", "有限公司")),
    ],
)
def test_n184_everything_is_too_wide(goods: Goods) -> None:
    with pytest.raises(Forbidden) as refused:
        check_width(goods)
    assert refused.value.code == "too-wide"


@table(
    "bad",
    [
        {"heading": "29"},
        {"heading": "29a3"},
        {"container": "???"},
        {"consignee": "--", "heading": "2933"},
        {"route": "-", "heading": "2933"},
        {"route": "\x1b["},
        {"consignee": "x" * 129},
    ],
)
def test_what_no_declaration_can_say_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        check_width(Goods(**bad))


@table("name", ["Star Co", "Golden Trading Co Ltd", "บริษัท ดาวทอง จำกัด", "金星有限公司"])
def test_a_firm_that_has_a_name_is_not_too_wide(name: str) -> None:
    check_width(Goods(consignee=name))


def test_a_container_is_sure_and_a_name_is_not() -> None:
    sure, likely = (
        goods_match(each, DECLARED, USUAL) for each in (Goods("MSCU1234566"), Goods(consignee="Golden Star"))
    )
    assert sure is not None
    assert sure.quality is Quality.EXACT_ID
    assert likely is None or likely.quality is not Quality.EXACT_ID
