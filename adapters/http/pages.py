"""The pages of a list, in order, never leaving the source's own address and never in circles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from adapters.http.client import Answer, Client
from adapters.http.settings import Paging, Table
from gateway.errors import Malformed, Unavailable

MAX_PAGES = 100_000
_MAX_CURSOR = 4_096
_MAX_LINK = 8_192
_NEXT = re.compile(r"""<([^<>]*)>\s*((?:;\s*[a-z*]+\s*=\s*(?:"[^"]*"|[^;,"\s]+)\s*)*)""", re.IGNORECASE)


def first_page(client: Client, table: Table, more: str = "") -> str:
    """Return the address of the first page; `more` is another parameter as `name=value`."""
    parameters = [more] if more else []
    if table.size_parameter:
        parameters.append(f"{table.size_parameter}={table.size}")
    if table.paging is Paging.NUMBER:
        parameters.append(f"{table.parameter}={table.first}")
    return _with(client.base + table.path, parameters)


def pages(client: Client, table: Table, deadline: float, more: str = "") -> Iterator[list[Any]]:
    """Yield the rows of each page; `more` as in `first_page`.

    Raises `Unavailable` for a list that has no end or leads to another address.
    """
    url = first_page(client, table, more)
    seen: set[str] = set()
    for number in range(table.first + 1, table.first + MAX_PAGES + 1):
        seen.add(url)
        answer = client.get(url, deadline, patient=True, table=table.name)
        rows = rows_of(table, answer.value)
        yield rows
        following = _following(client, table, url, answer, number, len(rows))
        if not following:
            return
        if following in seen:
            raise _endless()
        url = following
    raise _endless()


def rows_of(table: Table, value: Any) -> list[Any]:
    """Return the rows of a page. Raises `Unavailable` when they are not where the mapping says."""
    try:
        rows = table.rows(value)
    except Malformed as error:
        raise _unlike() from error
    if not isinstance(rows, list):
        raise _unlike()
    return rows


def _following(client: Client, table: Table, url: str, answer: Answer, number: int, count: int) -> str:
    """Return the address of the next page; empty at the end."""
    if table.paging is Paging.NUMBER:
        return _with(url, [f"{table.parameter}={number}"]) if count else ""
    if table.paging is Paging.LINK:
        return _checked(client, url, _link(answer.headers.get("link", "")))
    if table.paging is Paging.NONE:
        return ""
    try:
        found = table.next(answer.value)
    except Malformed as error:
        raise _unlike() from error
    if found is None or found in ("", False):
        return ""
    if type(found) not in (str, int) or len(str(found)) > _MAX_CURSOR:
        raise _unlike()
    if table.paging is Paging.CURSOR:
        return _with(url, [f"{table.parameter}={quote(str(found), safe='')}"])
    return _checked(client, url, str(found))


def _link(header: str) -> str:
    """Return the target of `rel="next"` (RFC 8288, 3); empty without one."""
    if len(header) > _MAX_LINK:
        raise _unlike()
    return next((target for target, parameters in _NEXT.findall(header) if _is_next(parameters)), "")


def _is_next(parameters: str) -> bool:
    pairs = (parameter.partition("=") for parameter in parameters.split(";"))
    return any(
        name.strip().lower() == "rel" and "next" in value.strip().strip('"').lower().split() for name, _, value in pairs
    )


def _checked(client: Client, url: str, link: str) -> str:
    """Return the absolute address of a page's link, which must stay below the source's own address."""
    if not link:
        return ""
    try:
        target, base = urljoin(url, link), urlsplit(client.base)
        parts = urlsplit(target)
        stays = (parts.scheme, parts.netloc) == (base.scheme, base.netloc) and not parts.fragment
    except ValueError:
        stays = False
    if not stays or not f"{parts.path}/".startswith(f"{base.path.rstrip('/')}/") or ".." in parts.path.split("/"):
        raise Unavailable("the source's list leads elsewhere", code="source-leads-elsewhere")
    return target


def _with(url: str, parameters: list[str]) -> str:
    """Return `url` with parameters set, replacing those of the same name."""
    address, _, query = url.partition("?")
    names = {parameter.partition("=")[0] for parameter in parameters}
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in names]
    joined = "&".join([*kept, *parameters])
    return f"{address}?{joined}" if joined else address


def _endless() -> Unavailable:
    return Unavailable("the source's list has no end", code="source-endless")


def _unlike() -> Unavailable:
    return Unavailable("the source's list is not as mapped", code="source-unlike-mapping")
