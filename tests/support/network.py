"""The rule that tests reach loopback only; `conftest.py` enforces it."""

from __future__ import annotations


class NetworkForbidden(RuntimeError):
    """A test tried to reach something that is not on this machine."""
