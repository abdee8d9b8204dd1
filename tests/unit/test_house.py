"""The house keeps its own rules: what may stand in the tree, and that its documents name what exists."""

from __future__ import annotations

import socket

import pytest

from tests.support.network import NetworkForbidden
from tests.support.shared import shared_path


def test_a_connection_that_would_leave_the_machine_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(NetworkForbidden, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 9))


def test_the_shared_data_has_what_the_tests_use() -> None:
    assert (shared_path() / "data" / "agencies" / "built" / "queries.csv").is_file()
