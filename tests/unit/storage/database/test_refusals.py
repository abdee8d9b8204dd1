"""CASE-N285: why a server takes no connection is said in one word, whatever language the server speaks."""

from __future__ import annotations

import socketserver
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from gateway.errors import StorageBroken
from gateway.host.failures import what_was_met
from gateway.storage.database.postgres import open_postgres
from tests.support.databases import PASSWORD, READER, Server
from tests.support.open_files import many_open
from tests.support.ports import free_port

pytestmark = pytest.mark.process


class ThaiServer(socketserver.StreamRequestHandler):
    """Refuses each connection as PostgreSQL does, in Thai, with the state of SQL that follows the server's name."""

    def handle(self) -> None:
        """Take a start, after refusing an encrypted one, and answer with an error."""
        (length,) = struct.unpack("!I", self.rfile.read(4))
        while struct.unpack("!I", self.rfile.read(length - 4)[:4])[0] >> 16 != 3:
            self.wfile.write(b"N")
            (length,) = struct.unpack("!I", self.rfile.read(4))
        fields = ("Sร้ายแรง", "VFATAL", f"C{self.server.state}", "Mเข้าไม่ได้")  # type: ignore[attr-defined]
        body = b"".join(field.encode() + b"\0" for field in fields) + b"\0"
        self.wfile.write(b"E" + struct.pack("!I", len(body) + 4) + body)


@contextmanager
def thai_server(state: str) -> Iterator[int]:
    """Serve in the block; yield the port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ThaiServer) as server:
        server.state = state  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def met(address: str) -> str:
    """Return the word for what an attempt to open the database meets."""
    with pytest.raises(StorageBroken) as caught:
        open_postgres(address)
    assert caught.value.code == "storage-lost"
    return what_was_met(caught.value)


WORDS = {
    "28P01": "password",
    "28000": "not-admitted",
    "3D000": "unknown-name",
    "53300": "full",
    "57P03": "not-now",
    "XX000": "other",
}


@pytest.mark.parametrize("state", WORDS)
def test_n285_a_refusal_in_another_language_has_its_word(state: str) -> None:
    with thai_server(state) as port:
        assert met(f"postgresql://node@127.0.0.1:{port}/node") == WORDS[state]


def test_n285_a_refusal_has_its_word_though_a_busy_node_has_many_descriptors_open() -> None:
    with thai_server("28P01") as port, many_open():
        assert met(f"postgresql://node@127.0.0.1:{port}/node") == "password"


def test_n285_each_refusal_of_a_server_has_its_word(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def as_reader(password: str, database: str = "postgres") -> str:
        monkeypatch.setenv("PGPASSWORD", password)
        return met(f"postgresql://{READER}@127.0.0.1:{postgres.port}/{database}")

    assert as_reader("wrong") == "password"
    assert as_reader(PASSWORD, "nowhere") == "unknown-name"
    try:
        postgres.execute("", [f"ALTER ROLE {READER} CONNECTION LIMIT 0"])
        assert as_reader(PASSWORD) == "full"
        postgres.execute("", [f"ALTER ROLE {READER} NOLOGIN"])
        assert as_reader(PASSWORD) == "not-admitted"
    finally:
        postgres.execute("", [f"ALTER ROLE {READER} LOGIN CONNECTION LIMIT -1"])
    assert met(f"postgresql://node@127.0.0.1:{free_port()}/node") == "nobody-listens"
    assert met("postgresql:///node?host=/nowhere") == "nobody-listens"
