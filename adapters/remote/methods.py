"""Every call that a source process serves to its node, and how large its messages may be.

A method that is missing here is not served, and a test compares the table with the proto file.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVICE = "liaison.source.v1.SourceService"

MAX_ANSWER = 256 * 1024
"""Bytes of the largest answer of a source that a node reads."""


@dataclass(frozen=True, slots=True)
class Method:
    """One call. A message of more than `max_request_bytes` bytes is refused before it is parsed."""

    name: str
    max_request_bytes: int

    @property
    def path(self) -> str:
        """The path in HTTP/2."""
        return f"/{SERVICE}/{self.name}"


DESCRIBE = Method("Describe", 64)
SEARCH = Method("Search", 32 * 1024)
ISSUE = Method("Issue", 8 * 1024)
CHANGES = Method("Changes", 4 * 1024)
HEALTH = Method("Health", 64)

METHODS: tuple[Method, ...] = (DESCRIBE, SEARCH, ISSUE, CHANGES, HEALTH)

MAX_REQUEST = max(method.max_request_bytes for method in METHODS)
"""The transport's own limit."""
