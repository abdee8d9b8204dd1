"""Watches: a query that a counterpart, or our own agencies, answer again and again as their records change."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from gateway.errors import Malformed
from gateway.model.faces.fields import Matching, Text
from gateway.model.query import ContainerQuery, Query
from gateway.model.values import text_value

MAX_GOODS_TEXT = 128
_HEADING = re.compile(r"[0-9]{4,10}", re.ASCII)


class Goods(msgspec.Struct, frozen=True):
    """Declarations of goods: all that is given must fit. `heading` begins a tariff code; `route` is one place of it."""

    container: Annotated[str, Text(MAX_GOODS_TEXT, help="The number of a container.")] = ""
    heading: Annotated[str, Matching(r"^([0-9]{4,10})?$", help="The beginning of a tariff code.")] = ""
    consignee: Annotated[str, Text(MAX_GOODS_TEXT, help="Who is to get them.")] = ""
    route: Annotated[str, Text(MAX_GOODS_TEXT, help="A place of the route.")] = ""

    kind: ClassVar[str] = "goods"

    def __post_init__(self) -> None:
        for name in ("container", "consignee", "route"):
            if value := getattr(self, name):
                text_value(value, name, MAX_GOODS_TEXT)
        if self.heading and not _HEADING.fullmatch(self.heading):
            raise Malformed(
                "a tariff heading has 4 to 10 digits", code="bad-query", where="heading", remedy="such as 2933"
            )


Subject = Query | Goods
"""The subject of a watch: a typed query, or the goods of declarations."""


def as_question(subject: Subject) -> Query:
    """Return the question as which policy takes a watch: of declared goods, one for a container of them."""
    if not isinstance(subject, Goods):
        return subject
    return ContainerQuery(subject.container[:40] or Goods.kind)


class WatchCode(StrEnum):
    """The codes of a watch, where it has one."""

    NOTIP = "NOTIP"
    """It is shown to no person at its recipient."""


class Watch(msgspec.Struct, frozen=True):
    """A subscription to what comes to fit a query, until a time; it is paused from `revalidate_by_us` on."""

    query: Subject
    until_us: int
    revalidate_by_us: int
    no_tip_off: bool = False

    @property
    def code(self) -> str:
        """The code of its notice."""
        return WatchCode.NOTIP.value if self.no_tip_off else ""


class Watched(msgspec.Struct, frozen=True):
    """The reach of a watch at its recipient: kinds of sources, and the time whose state was searched once."""

    sources: tuple[str, ...]
    not_watched: tuple[str, ...]
    looked_us: int

    def is_as_far(self, other: Watched | None) -> bool:
        """Tell whether the same kinds of sources are watched, whenever they were searched."""
        return other is not None and (self.sources, self.not_watched) == (other.sources, other.not_watched)
