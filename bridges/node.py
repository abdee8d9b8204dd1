"""The node as a bridge sees it: its REST API, called with a client certificate and an officer token."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from bridges.answers import read_answer
from bridges.report import Report, read_report
from gateway.clock import rfc3339
from gateway.errors import LiaisonError, Malformed, Misconfigured, Refused, TooLarge, Unavailable

_PAGE = 100
_MOST_PAGES = 2_000
_MOST_ANSWER = 32 * 1024 * 1024
_TIMEOUT_S = 30.0
_BEHIND_US = 500
"""So far behind the newest row stands the end of a report that the node lists no more, also where our clock is slow."""

_LOOKS = 24
"""Every so many looks all reports are read."""


class NodeClient:
    """A connection to a node. Each call reads the token anew: it lives for ten minutes at most."""

    def __init__(self, address: str, name: str, context: ssl.SSLContext, token: Callable[[], str]) -> None:
        self._client = httpx2.Client(base_url=f"https://{address}", verify=context, timeout=_TIMEOUT_S, trust_env=False)
        self._extensions = {"sni_hostname": name}
        self._address = address
        self._token = token

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def get(self, path: str, **query: str) -> Any:
        """Return the answer to a GET. Raises the node's refusal, or `Unavailable`."""
        headers = {"authorization": f"Bearer {self._token()}", "accept": "application/json"}
        try:
            options = {"params": query, "headers": headers, "extensions": self._extensions}
            answer = read_answer(self._client, "GET", path, _MOST_ANSWER, path, **options)
        except httpx2.HTTPError as error:
            raise Unavailable(
                "the node does not answer ({problem})",
                code="node-down",
                where=self._address,
                remedy="`liaison doctor` at the node says whether it serves",
                problem=type(error).__name__,
            ) from error
        value = _json(answer.content, path)
        if answer.is_success:
            return value
        raise _refusal(value, answer.status)

    def reports(self, added_after: str) -> Iterator[Any]:
        """Yield each report that was added or withdrawn after a moment, in that order."""
        for _ in range(_MOST_PAGES):
            page = self.get("/v1/reports", added_after=added_after, limit=str(_PAGE))
            if not isinstance(page, dict) or not isinstance(page.get("reports"), list):
                raise Malformed("the list of reports has another form", code="bad-report", where="/v1/reports")
            yield from page["reports"]
            following = str(page.get("next") or "")
            if not following:
                return
            if following <= added_after:
                raise Malformed("the list of reports goes in a circle", code="bad-report", where="/v1/reports")
            added_after = following
        raise TooLarge("the node has more reports than a bridge reads", code="too-many-reports", where="/v1/reports")


class Library:
    """The reports of a node, as a bridge has read them.

    Each look asks for what is new, since the node writes an entry for each; now and then a look reads all of it. A
    report that the node no longer lists has ended.
    """

    def __init__(self, node: NodeClient, member: str, now_us: Callable[[], int]) -> None:
        self._node = node
        self._member = member
        self._now_us = now_us
        self._reports: dict[tuple[str, str], Report] = {}
        self._looks = 0

    def look(self) -> list[Report]:
        """Return all reports as they stand now. One that cannot be read fails the whole: it could be a withdrawal."""
        newest_us = max((one.added_us for one in self._reports.values()), default=0)
        after_us = newest_us if self._looks % _LOOKS else 0
        read = [read_report(item, self._member) for item in self._node.reports(rfc3339(after_us))]
        named = {(one.member, one.id): one for one in read}
        found = {name: one.after(self._reports.get(name)) for name, one in named.items()}
        if not after_us:
            at_us = max(self._now_us(), max((one.added_us for one in found.values()), default=0) + _BEHIND_US)
            gone = (one for name, one in self._reports.items() if name not in found)
            found |= {(one.member, one.id): one if one.ended_us else one.ended(at_us) for one in gone}
        self._reports |= found
        self._looks += 1
        return list(self._reports.values())


def add_node_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which node is read, and as whom."""
    group = parser.add_argument_group("the node that is read")
    group.add_argument("--node", required=True, metavar="HOST:PORT", help="`[listen] agency` of the node")
    group.add_argument("--node-name", required=True, metavar="NAME", help="such as node1.th.liaison.internal")
    group.add_argument("--ca", required=True, type=Path, metavar="FILE", help="the country's authority (PEM)")
    group.add_argument(
        "--certificate", required=True, type=Path, metavar="FILE", help="this bridge's client certificate"
    )
    group.add_argument("--key", required=True, type=Path, metavar="FILE", help="its key")
    group.add_argument(
        "--token-file", required=True, type=Path, metavar="FILE", help="an officer token, read at each call"
    )


def node_client(options: argparse.Namespace) -> NodeClient:
    """Return a client for the node that the options name. Raises `Misconfigured` for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(options.ca)
        context.load_cert_chain(options.certificate, options.key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the certificate, its key or the authority cannot be used",
            code="bad-certificate",
            where=str(options.certificate),
            remedy="see docs/guides/bridges.md",
        ) from error
    return NodeClient(options.node, options.node_name, context, lambda: _read_token(options.token_file))


def _read_token(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            "the token cannot be read",
            code="no-token",
            where=str(file),
            remedy="the identity provider writes it anew before it ends",
        ) from error


def _json(content: bytes, path: str) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("the node's answer is not JSON", code="bad-answer", where=path) from error


def _refusal(value: Any, status: int) -> LiaisonError:
    problem = value if isinstance(value, dict) else {}
    return Refused(
        "the node refused with {status}: {detail}",
        code=str(problem.get("code", "refused"))[:64],
        where=str(problem.get("where", ""))[:200],
        remedy="the token and its rights are the identity provider's",
        status=status,
        detail=str(problem.get("detail") or problem.get("title") or "no reason given")[:500],
    )
