"""Watch declarations of goods by what they say: container, tariff heading, consignee, places of the route.

Key indexes hold no tariff codes and no routes. So the records of declarations that are new or have changed are read,
and looked up by the few words that each watch needs them to have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Malformed
from gateway.matching.identifiers import held_items, number_key
from gateway.matching.keys import name_keys, word_keys
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import Thresholds
from gateway.model.desk.watches import Goods
from gateway.model.forms.numbers import compact
from gateway.model.hit import Match, Quality
from gateway.model.query import MAX_NAMES, PersonQuery
from gateway.model.values import NameForm

RECORD_TYPE = "Consignment"
_SHORTEST = 4
_SPLIT = re.compile(r"[\s.,;:()\-/&·]+")
_FORMS = """
    co ltd limited company coltd plc pcl llc inc corp corporation group holding holdings sole jsc public private pte
    trading trade import export imp exp impex importexport international general service services and the of
    công ty cong tnhh cp cổ phần thương mại thuong mai xuất nhập khẩu
    บริษัท จำกัด บจก หจก มหาชน ห้างหุ้นส่วน ຈຳກັດ ບໍລິສັດ ក្រុមហ៊ុន ကုမ္ပဏီ လီမိတက်
    有限 公司 有限公司 有限责任公司 股份有限公司 贸易 进出口
"""
_OF_FIRMS = frozenset(_FORMS.split())
"""Words of firms' names that say of what form a firm is, and not which one."""

_PART = 0.7


def check_goods(goods: Goods) -> None:
    """Raise `Malformed` for a value in which there is nothing to look for."""
    for name, key in (
        ("container", number_key(goods.container)),
        ("consignee", next(_names(goods.consignee), "")),
        ("route", _word(goods.route)),
    ):
        if getattr(goods, name) and not key:
            raise Malformed("there is nothing to look for", code="bad-query", where=name)


def is_wide(goods: Goods) -> bool:
    """Tell whether all declarations through a place fit, or simply all; words that most firms have name no firm."""
    names_firm = any(word not in _OF_FIRMS for word in _SPLIT.split(goods.consignee.casefold()) if word)
    return not (goods.container or goods.heading or names_firm)


def asked_tokens(goods: Goods) -> list[frozenset[str]]:
    """Return what a declaration must have: of each set one word at least."""
    found = [frozenset({f"c{number_key(goods.container)}"})] if goods.container else []
    found += [frozenset({f"h{goods.heading}"})] if goods.heading else []
    found += [frozenset(f"n{key}" for key in _names(goods.consignee))] if goods.consignee else []
    return found + ([frozenset({f"r{_word(goods.route)}"})] if goods.route else [])


def held_tokens(fields: Mapping[str, Any]) -> frozenset[str]:
    """Return the words that the fields of a declaration have."""
    found = {f"c{number_key(text)}" for item in held_items(fields.get("containers")) for text in _texts(item)}
    for line in held_items(fields.get("lines")):
        for code in _codes(line):
            found |= {f"h{code[:size]}" for size in range(_SHORTEST, len(code) + 1)}
    for item in held_items(fields.get("consignee")):
        found |= {f"n{key}" for text in _texts(item) for key in _names(text)}
    found |= {f"r{_word(text)}" for item in held_items(fields.get("route")) for text in _texts(item)}
    return frozenset(found)


def goods_match(goods: Goods, fields: Mapping[str, Any], thresholds: Thresholds) -> Match | None:
    """Return the match of the fields of a declaration; None where something that is asked for is missing."""
    held = held_tokens(fields)
    if any(wanted.isdisjoint(held) for wanted in asked_tokens(goods)):
        return None
    rules = tuple(f"goods-{name}" for name in ("container", "heading", "consignee", "route") if getattr(goods, name))
    if not goods.consignee:
        return Match(Quality.EXACT_ID if goods.container else Quality.STRONG, 1.0, rules)
    parties = tuple(text for item in held_items(fields.get("consignee")) for text in _texts(item))[:MAX_NAMES]
    asked = PersonQuery((NameForm(goods.consignee),))
    alike = score_person(asked, PersonFeatures(parties, None, "", ""), thresholds)
    if alike is not None:
        return Match(alike.quality, alike.score, (*rules, *alike.rules))
    # The name of a firm is often given without `Co Ltd` and the like: all words that are asked for must be there.
    words = word_keys(goods.consignee)
    is_part = any(words <= word_keys(party) for party in parties)
    return Match(Quality.POSSIBLE, _PART, (*rules, "name-part")) if is_part else None


def _codes(line: Any) -> Iterator[str]:
    items = (line.get("hs"), line.get("ahtn")) if isinstance(line, Mapping) else (line,)
    for item in items:
        if isinstance(item, str) and (code := "".join(filter(str.isdigit, item))[:10]):
            yield code


def _texts(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, Mapping):
        yield from (text for text in item.values() if isinstance(text, str) and text)


def _names(text: str) -> Iterator[str]:
    """Yield the keys of a whole name, by which it is found in any script."""
    if text:
        yield from sorted(key for key in name_keys(text) if key[:1] in "jp")


def _word(text: str) -> str:
    return compact(text).casefold()
