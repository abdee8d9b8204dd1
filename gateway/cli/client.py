"""Call a node's own REST API with the client certificate of its home."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx2

from certs.names import tls_name
from gateway.config import Home, Settings, argument, host_port
from gateway.config.home import COMMAND_CERTIFICATE
from gateway.errors import LiaisonError, Misconfigured, Reason, Refused, Unavailable
from gateway.language.catalogue import Translated
from gateway.language.languages import Language
from gateway.signing import strict_json

_MAX_ANSWER = 32 * 1024 * 1024
_SLACK_S = 5.0
_FILE_S = 900.0
"""Seconds in which something of a file goes on its way, and in which the node looks at what has come."""

_PART = 256 * 1024
Told = Callable[[int], None]
"""Gets the bytes of a file that are done."""


class NodeClient:
    """A connection to the node of `settings`; use it as a context manager. The node answers in `language`."""

    def __init__(
        self, settings: Settings, address: tuple[str, int] | None = None, language: Language = Language.EN
    ) -> None:
        host, port = address or host_port(settings.listen.agency)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to reach it, not to listen
        self._place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._name = tls_name(settings.node.member, settings.node.name)
        self._home = settings.home
        self._client = httpx2.Client(
            base_url=f"https://{self._place}",
            verify=_context(Home(settings.home)),
            timeout=settings.limits.budget_ms / 1000 + _SLACK_S,
            trust_env=False,
            headers={"accept-language": language.value},
        )

    def __enter__(self) -> NodeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def begin(self, body: dict[str, Any], token: str, idempotency_key: str = "") -> dict[str, Any]:
        """Call `POST /v1/searches`, and return the search as it begins. Raises the node's refusal, or `Unavailable`."""
        headers = {"authorization": f"Bearer {token}", "prefer": "respond-async"}
        if idempotency_key:
            headers["idempotency-key"] = idempotency_key
        return self._call("POST", "/v1/searches", headers, body)

    def get(self, search_id: str, token: str) -> dict[str, Any]:
        """Call `GET /v1/searches/{id}`."""
        return self._call("GET", f"/v1/{_search(search_id)}", {"authorization": f"Bearer {token}"})

    def follow(self, search_id: str, token: str) -> Generator[dict[str, Any]]:
        """Yield the search each time that a line is added, until no late answer can come any more."""
        for event, data in self.events(_search(search_id), token):
            if event == "search":
                yield strict_json.loads(data.encode(), _MAX_ANSWER)

    def events(self, path: str, token: str) -> Generator[tuple[str, str]]:
        """Yield the server-sent events of a path of the desk: each one's name and data."""
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        options: dict[str, Any] = {"headers": headers, "extensions": {"sni_hostname": self._name}}
        with self._reached(), self._client.stream("GET", f"/v1/{path}", **options) as response:
            if not response.is_success:
                raise _refusal(strict_json.loads(response.read(), _MAX_ANSWER))
            event = ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                event = value if name == "event" else event
                if name == "data":
                    yield event, value

    def onward(self, search_id: str, body: dict[str, Any], token: str) -> dict[str, Any]:
        """Call `POST /v1/searches/{id}/onward`. Raises the node's refusal, or `Unavailable`."""
        return self._call("POST", f"/v1/{_search(search_id)}/onward", {"authorization": f"Bearer {token}"}, body)

    def desk(
        self, method: str, path: str, token: str, body: Any = None, *, key: str = "", query: dict[str, Any]
    ) -> dict[str, Any]:
        """Call a path of the desk. Raises the node's refusal, or `Unavailable`."""
        headers = {"authorization": f"Bearer {token}"} | ({"idempotency-key": key} if key else {})
        return self._call(method, f"/v1/{path}", headers, body, query)

    def bring(self, file: Path, token: str, query: dict[str, str], told: Told) -> dict[str, Any]:
        """Send a file in parts, and return what the node says of it; `told` gets the bytes that were sent.

        Raises the node's refusal, or `Unavailable`.
        """
        headers = {"authorization": f"Bearer {token}", "content-type": "application/octet-stream"}
        headers["content-length"] = str(file.stat().st_size)
        with self._reached():
            response = self._client.post(
                "/v1/attachments",
                params=query,
                headers=headers,
                content=_parts(file, told),
                timeout=_FILE_S,
                extensions={"sni_hostname": self._name},
            )
        value = strict_json.loads(response.content, _MAX_ANSWER)
        if response.is_success and isinstance(value, dict):
            return value
        raise _refusal(value)

    def save(self, path: str, token: str, query: dict[str, str], out: BinaryIO, told: Told) -> int:
        """Write the bytes of a file of the desk to `out`; return their number. Raises like `bring`."""
        options: dict[str, Any] = {"params": query, "timeout": _FILE_S, "extensions": {"sni_hostname": self._name}}
        options["headers"] = {"authorization": f"Bearer {token}"}
        size = 0
        with self._reached(), self._client.stream("GET", f"/v1/{path}", **options) as response:
            if not response.is_success:
                raise _refusal(strict_json.loads(response.read(), _MAX_ANSWER))
            for part in response.iter_bytes():
                out.write(part)
                size += len(part)
                told(size)
        return size

    def members(self) -> dict[str, Any]:
        """Call `GET /v1/members`."""
        return self._call("GET", "/v1/members", {})

    def health(self) -> dict[str, Any]:
        """Call `GET /v1/health`."""
        return self._call("GET", "/v1/health", {})

    def _call(
        self, method: str, path: str, headers: dict[str, str], body: Any = None, query: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        with self._reached():
            response = self._client.request(
                method, path, headers=headers, json=body, params=query, extensions={"sni_hostname": self._name}
            )
        value = strict_json.loads(response.content, _MAX_ANSWER)
        if response.is_success and isinstance(value, dict):
            return value
        raise _refusal(value)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Raise `Unavailable` with a remedy where the connection fails."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise Unavailable(
                "the node did not answer in time",
                code="node-slow",
                where=self._place,
                remedy="ask again; if it stays so: liaison doctor --home {home}",
                home=argument(self._home),
            ) from error
        except httpx2.HTTPError as error:
            raise Unavailable(
                "the node does not answer ({problem})",
                code="node-down",
                where=self._place,
                remedy="start it: liaison serve --home {home}",
                problem=type(error).__name__,
                home=argument(self._home),
            ) from error


def _search(search_id: str) -> str:
    """Return the path of a search; what was typed as its id stays one part of it."""
    return f"searches/{quote(search_id, safe='')}"


def _parts(file: Path, told: Told) -> Iterator[bytes]:
    done = 0
    with file.open("rb") as source:
        while part := source.read(_PART):
            yield part
            done += len(part)
            told(done)


def failure(search: dict[str, Any]) -> LiaisonError | None:
    """Return why our own node could not run a search to its end; None where it did."""
    problem = search.get("problem")
    return _refusal(problem | {"detail": problem["text"]}) if problem else None


def _refusal(value: Any) -> LiaisonError:
    problem = value if isinstance(value, dict) else {}
    error = Refused(
        Translated(problem.get("detail") or problem.get("title") or "the node refused"),
        code=str(problem.get("code", "refused")),
        where=str(problem.get("where", "")),
        remedy=Translated(problem.get("remedy", "")),
    )
    known = {reason.value: reason for reason in Reason}
    error.reason = known.get(str(problem.get("reason")), Reason.INTERNAL)
    return error


def _context(home: Home) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(home.ca)
        context.load_cert_chain(home.certificate(COMMAND_CERTIFICATE), home.key(COMMAND_CERTIFICATE))
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the client certificate of this home cannot be used",
            where=str(home.certificate(COMMAND_CERTIFICATE)),
            remedy="run `liaison doctor`",
        ) from error
    return context


def client_certificate(home: Home) -> bytes:
    """Return the client certificate (DER) that `NodeClient` presents."""
    return ssl.PEM_cert_to_DER_cert(_read(home.certificate(COMMAND_CERTIFICATE)))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("cannot be read", where=str(file), remedy="run `liaison init` again") from error
