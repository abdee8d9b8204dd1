"""Refuse a watch that would meet too much, and say how wide it is, or one that could never meet anything."""

from __future__ import annotations

from gateway.desk.watches.book import places_of
from gateway.desk.watches.goods import check_goods, is_wide
from gateway.desk.watches.values import WIDE
from gateway.errors import Forbidden, Malformed
from gateway.matching.one_word import asks_for_one_word
from gateway.model.desk.watches import Goods, Subject
from gateway.model.query import PersonQuery

_CODE = "too-wide"


def check_asks(subject: Subject) -> None:
    """Raise `Malformed` for a watch that has nothing to look for, such as a name of marks alone: it met nothing."""
    if not places_of(subject):
        raise Malformed(
            "there is nothing to look for",
            code="bad-query",
            where="query",
            remedy="name letters or figures of a name, or of a number",
        )


def check_width(subject: Subject) -> None:
    """Raise `Forbidden` with the code `too-wide` for what all of one name, or all goods of a place, fit.

    Raises `Malformed` for goods of which a value has nothing to look for.
    """
    if isinstance(subject, Goods):
        check_goods(subject)
    if isinstance(subject, PersonQuery) and subject.birth is None and asks_for_one_word(subject):
        raise Forbidden(
            "the watch would meet all persons with one word of a name: {most} records are the most",
            code=_CODE,
            where="query",
            remedy="add a date or year of birth, or the whole name",
            most=WIDE,
        )
    if isinstance(subject, Goods) and is_wide(subject):
        raise Forbidden(
            "the watch would meet all declarations, or all by way of one place: {most} records are the most",
            code=_CODE,
            where="query",
            remedy="add a container, a tariff heading or a consignee",
            most=WIDE,
        )


def check_count(count: int, *, capped: bool) -> None:
    """Raise `Forbidden` with the code `too-wide` where more records of our own fit than a watch may meet."""
    if capped:
        raise Forbidden(
            "more records of our own fit the watch than a search tells ({count}): {most} are the most",
            code=_CODE,
            where="query",
            remedy="ask for less: a number, or a date of birth",
            count=count,
            most=WIDE,
        )
    if count > WIDE:
        raise Forbidden(
            "{count} records of our own fit the watch: {most} are the most",
            code=_CODE,
            where="query",
            remedy="ask for less: a number, or a date of birth",
            count=count,
            most=WIDE,
        )
