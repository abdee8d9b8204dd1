"""One web interface: JSON by GET, within a deadline and a size; no error repeats what the interface says.

Redirects are not followed, compressed answers are refused, `Retry-After` is obeyed, and a token is fetched when one
is needed and kept until it ends.
"""

from __future__ import annotations

import base64
import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from adapters.base import check_deadline
from adapters.http.access import Access, OAuth
from adapters.http.encoded import Encoding
from adapters.http.transport import DeadlineTransport
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Overloaded, TimedOut, TooLarge, Unavailable, Unknown
from gateway.signing import strict_json

MAX_PAGE = 16 << 20
"""The most bytes of one answer."""

MAX_ITEM = 1 << 20
_MAX_TOKEN = 1 << 16
_FIRST_SECONDS = 30.0
"""The longest that an interface is waited for until it has answered once: a node that starts waits for it."""
_ANSWER_SECONDS = 60.0
"""The longest that one exchange takes, so that an interface that goes silent amid its list is not waited for."""
_MAX_WAIT = 300.0
_WAIT_SECONDS = 5.0
_LEAST_WAIT = 0.05
_TOKEN_MARGIN = 30.0
_DEFAULT_TOKEN_SECONDS = 300.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}", re.ASCII)
_JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE | re.DOTALL)

_LONGER = 3
"""How many times as long a text may be in UTF-8."""

_IN_UTF8 = Encoding()
_STRICT = "UTF-8 without a byte order mark, no member twice, no NaN, at most 32 levels"
_REDIRECTS = range(300, 400)
_REDIRECTED = "redirects are not followed; name the address that it leads to"
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _TOO_MANY, _UNAVAILABLE = 200, 401, 403, 404, 410, 429, 503


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of an answer, and its headers."""

    value: Any
    headers: Mapping[str, str]


class Client:
    """Asks the interface at `base`. Thread-safe; raises nothing but `LiaisonError`."""

    def __init__(self, base: str, access: Access, clock: Clock, name: str, encoding: Encoding = _IN_UTF8) -> None:
        self.base = base
        self._encoding = encoding
        self._clock = clock
        self._name = name
        self._oauth = access.oauth
        self._transport = DeadlineTransport(access.tls, clock)
        self._client = httpx2.Client(transport=self._transport, trust_env=False, follow_redirects=False)
        self._lock = threading.Lock()
        self._token: tuple[str, float] = ("", 0.0)
        self._not_before = 0.0
        self._closed = threading.Event()
        self._has_answered = False

    def get(self, url: str, deadline: float, limit: int = MAX_PAGE, patient: bool = False, table: str = "") -> Answer:
        """Return the answer to a GET of `url`, which is of `table`.

        Raises `Unknown` when the interface has no such thing.

        If the interface asks for a pause, `patient` waits as long as the deadline allows; else `Overloaded` is raised.
        """
        retried = False
        if not self._has_answered:
            deadline = min(deadline, self._clock.monotonic() + _FIRST_SECONDS)
        while True:
            self._wait(deadline, patient)
            status, headers, body = self._exchange("GET", url, deadline, limit, self._authorization(deadline))
            if status == _UNAUTHORIZED and self._oauth is not None and not retried:
                retried = True
                self._forget_token()
                continue
            if status in (_TOO_MANY, _UNAVAILABLE):
                self._hold_back(headers.get("retry-after", ""))
                if patient:
                    continue
            found = Answer(self._json(status, headers, body, limit, table), headers)
            self._has_answered = True
            return found

    def _json(self, status: int, headers: Mapping[str, str], body: bytes, limit: int, table: str = "") -> Any:
        if status in (_NOT_FOUND, _GONE):
            raise Unknown("the source has no such record", code="unknown-record")
        if status == _TOO_MANY:
            raise Overloaded("the source asks for patience", code="source-throttled", where=self._name)
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            remedy = "check certificate, client and scope in the access file, and what they may read"
            raise self._failed("the source does not let us in", "source-refuses", f"status {status}: {remedy}")
        if status != _OK:
            remedy = _REDIRECTED if status in _REDIRECTS else "look into the interface's own log"
            raise self._failed("the source cannot be read", "source-unavailable", f"status {status}: {remedy}")
        if not _JSON.fullmatch(headers.get("content-type", "")):
            remedy = "is it the address of the interface, and not of its pages for people or for signing in?"
            raise self._failed("the source answers with something else than JSON", "source-not-json", remedy)
        text = self._encoding.as_utf8(body, self._name, table) if table else body
        try:
            return strict_json.loads(text, limit * _LONGER)
        except (Malformed, TooLarge) as error:
            message = "the source answers with JSON that has two meanings, or none"
            raise self._failed(message, "bad-json", _STRICT) from error

    def _exchange(
        self, method: str, url: str, deadline: float, limit: int, headers: Mapping[str, str], content: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        check_deadline(self._clock, deadline)
        deadline = min(deadline, self._clock.monotonic() + _ANSWER_SECONDS)
        self._transport.begin(deadline, limit)
        sent = {"accept": "application/json", "accept-encoding": "identity", **headers}
        try:
            with self._client.stream(method, url, headers=sent, content=content or None, timeout=None) as answer:
                # Compressed bytes could unpack to a thousand times as many.
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise self._failed("the source answers in another encoding", "source-encoding")
                return answer.status_code, answer.headers, self._body(answer, deadline, limit)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            raise self._failure(deadline) from error

    def _body(self, answer: httpx2.Response, deadline: float, limit: int) -> bytes:
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > limit:
                remedy = f"at most {limit >> 20 or 1} MiB: ask for pages of a smaller size (`size`)"
                raise self._failed("the source answers with too much", "source-too-large", remedy)
            check_deadline(self._clock, deadline)
        return bytes(body)

    # ---------------------------------------------------- patience

    def _wait(self, deadline: float, patient: bool) -> None:
        """Wait until the interface may be asked again."""
        seconds = self._not_before - self._clock.monotonic()
        if seconds <= 0:
            return
        if not patient:
            raise Overloaded("the source asks for patience", code="source-throttled", where=self._name)
        if self._clock.monotonic() + seconds >= deadline:
            remedy = f"it asks to be left alone for {math.ceil(seconds)} s more (Retry-After)"
            raise TimedOut("the source had no time left", code="source-deadline", where=self._name, remedy=remedy)
        if self._closed.wait(seconds):
            raise self._failed("the source was closed", "source-closed")

    def _hold_back(self, retry_after: str) -> None:
        """Note the pause that the interface asks for. Seconds only (RFC 9110, 10.2.3): a date needs equal clocks."""
        is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
        seconds = min(float(retry_after), _MAX_WAIT) if is_number else _WAIT_SECONDS
        self._not_before = max(self._not_before, self._clock.monotonic() + max(seconds, _LEAST_WAIT))

    # ---------------------------------------------------- tokens

    def _authorization(self, deadline: float) -> Mapping[str, str]:
        if self._oauth is None:
            return {}
        # Another thread may be fetching a token; the deadline also bounds the wait for it.
        if not self._lock.acquire(timeout=max(0.0, deadline - self._clock.monotonic())):
            raise TimedOut("the source had no time left", code="source-deadline")
        try:
            token, until = self._token
            if not token or self._clock.monotonic() >= until:
                self._token = self._fetch_token(self._oauth, deadline)
            return {"authorization": f"Bearer {self._token[0]}"}
        finally:
            self._lock.release()

    def _forget_token(self) -> None:
        with self._lock:
            self._token = ("", 0.0)

    def _fetch_token(self, oauth: OAuth, deadline: float) -> tuple[str, float]:
        """Return a token by client credentials (RFC 6749, 4.4 and 2.3.1), and the time until which it is used."""
        pair = f"{quote(oauth.client_id, safe='')}:{quote(oauth.client_secret, safe='')}"
        headers = {
            "authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
        }
        form = "grant_type=client_credentials" + (f"&scope={quote(oauth.scope, safe='')}" if oauth.scope else "")
        sent = self._exchange("POST", oauth.token_url, deadline, _MAX_TOKEN, headers, form.encode())
        try:
            value = self._json(*sent, _MAX_TOKEN)
        except Unknown as error:
            raise self._failed("the source's token server does not let us in", "token-refused") from error
        token = value.get("access_token") if type(value) is dict else None
        if type(token) is not str or not _TOKEN.fullmatch(token) or str(value.get("token_type")).lower() != "bearer":
            raise self._failed("the source's token server does not let us in", "token-refused")
        seconds = value.get("expires_in", _DEFAULT_TOKEN_SECONDS)
        lasts = float(seconds) if type(seconds) in (int, float) else _DEFAULT_TOKEN_SECONDS
        return token, self._clock.monotonic() + max(0.0, lasts - _TOKEN_MARGIN)

    # ---------------------------------------------------- errors and the end

    def _failure(self, deadline: float) -> LiaisonError:
        """Return the error that may leave: it holds nothing of the interface's own text (CASE-K10)."""
        if self._clock.monotonic() >= deadline:
            return TimedOut("the source had no time left", code="source-deadline")
        remedy = "nothing usable answers: check host, port and firewall, and that its certificate is of `ca`"
        return self._failed("the source cannot be read", "source-unavailable", remedy)

    def _failed(self, message: str, code: str, remedy: str = "") -> Unavailable:
        return Unavailable(message, code=code, where=self._name, remedy=remedy)

    def close(self) -> None:
        """End all connections."""
        self._closed.set()
        self._client.close()
