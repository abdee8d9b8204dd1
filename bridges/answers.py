"""Read answers of other servers: no more bytes, and for no longer, than a bridge waits for."""

from __future__ import annotations

from typing import Any

import httpx2

from gateway.clock import SystemClock
from gateway.errors import TooLarge, Unavailable

_WHOLE_S = 120.0
"""The longest that an answer may take, however steadily its bytes come."""


class Answer:
    """An answer that was read whole: its status, and its bytes."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status = status
        self.content = content

    @property
    def is_success(self) -> bool:
        """Tell whether it was no refusal."""
        return 200 <= self.status < 300


def read_answer(client: httpx2.Client, method: str, path: str, most: int, where: str, **options: Any) -> Answer:
    """Return the answer to a call. Raises `TooLarge` as soon as it has more than `most` bytes, and `Unavailable` for
    one that does not end. What httpx raises is for the caller.
    """
    clock, content = SystemClock(), bytearray()
    until = clock.monotonic() + _WHOLE_S
    with client.stream(method, path, **options) as response:
        for part in response.iter_bytes():
            content += part
            if len(content) > most:
                raise TooLarge("the answer is too large", code="too-large", where=where)
            if clock.monotonic() > until:
                raise Unavailable("the answer does not end", code="answer-without-end", where=where)
        return Answer(response.status_code, bytes(content))
