"""CASE-H8: PostgreSQL fails over to a standby, with two real servers and streaming replication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log.log import AuditLog
from gateway.clock import SystemClock
from gateway.errors import Contradicted, Misconfigured, StorageBroken
from gateway.signing.keys import SigningKey
from gateway.storage.database.migrate import migrate
from gateway.storage.database.postgres import open_postgres
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import answered
from tests.support.databases import Server, new_postgres, new_standby, server, wait_until

KEY = SigningKey(Ed25519PrivateKey.generate())


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    server("postgresql")  # skips where none can be had
    primary = new_postgres()
    standby = new_standby(primary)
    yield primary, standby
    primary.kill()
    standby.kill()


def address(*servers: Server) -> str:
    """All servers in one address, as an operator gives it: the one that takes writes is found."""
    hosts, ports = (
        ",".join(str(part) for part in parts) for parts in zip(*((s.folder, s.port) for s in servers), strict=True)
    )
    return f"postgresql://postgres@/postgres?host={hosts}&port={ports}"


@contextmanager
def log(folder: Path, url: str, **more: Any) -> Iterator[AuditLog]:
    database = open_postgres(url, **more)
    try:
        migrate(database)
        keys = KeyStore(folder / "keystore")
        yield AuditLog(SqlLogStore(database), keys, KEY, SystemClock(), "th", highwater=folder / "highwater")
    finally:
        database.close()


def asked(one: Server, query: str) -> str:
    connection = one.admin()
    (found,) = connection.execute(query).fetchone()
    connection.close()
    return str(found)


def wait_for_standby(primary: Server, standby: Server) -> None:
    there = asked(primary, "SELECT pg_current_wal_lsn()")
    wait_until(
        lambda: asked(standby, f"SELECT pg_last_wal_replay_lsn() >= '{there}'") == "True", "the standby does not follow"
    )


def promote(standby: Server) -> None:
    asked(standby, "SELECT pg_promote(true, 60)")
    wait_until(lambda: asked(standby, "SELECT pg_is_in_recovery()") == "False", "the standby is not promoted")


def test_h8_a_standby_that_lacks_the_last_commits_is_refused_and_explained(
    tmp_path: Path, pair: tuple[Server, Server]
) -> None:
    primary, standby = pair
    both = address(primary, standby)
    with log(tmp_path, both) as writing:
        writing.append([answered() for _ in range(3)])
        wait_for_standby(primary, standby)
        standby.stop()
        writing.append([answered(), answered()])
        primary.kill()
        with pytest.raises(StorageBroken):
            writing.append([answered()])
    with pytest.raises(StorageBroken), log(tmp_path, both):  # both are gone
        pass
    standby.start()
    with pytest.raises(StorageBroken, match=r"read-only|read-write"), log(tmp_path, both):
        pass
    with pytest.raises(Misconfigured, match="the server is a standby"), log(tmp_path, address(standby)):
        pass
    promote(standby)
    with pytest.raises(Contradicted) as caught, log(tmp_path, both):
        pass
    assert "entry 3 is bad: its row is missing: a head over 5 entries was signed" in caught.value.message
    assert "timeline 1, and the log is now on PostgreSQL" in caught.value.message
    assert "timeline 2" in caught.value.message
    assert "was a standby promoted" in caught.value.remedy
    standby.stop()
    primary.start()  # the remedy: the server that has them
    with log(tmp_path, both) as writing:
        assert writing.size == 5
        writing.append([answered()])


def test_h8_a_synchronous_standby_has_everything_and_the_old_primary_is_refused(
    tmp_path: Path, pair: tuple[Server, Server]
) -> None:
    primary, standby = pair
    both = address(primary, standby)
    primary.execute("", ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"])
    wait_until(lambda: asked(primary, "SHOW synchronous_standby_names") == "*", "no synchronous standby")
    with log(tmp_path, both, synchronous=True) as writing:
        writing.append([answered() for _ in range(3)])
        primary.kill()
    promote(standby)
    with log(tmp_path, both) as writing:
        assert writing.size == 3
        assert "timeline 1, and the log is now on PostgreSQL" in writing.moved
        writing.append([answered()])
        assert writing.size == 4
    with log(tmp_path, both) as writing:
        assert not writing.moved
    standby.stop()
    primary.start()  # back without having been rewound: it lacks what the new primary has taken
    with pytest.raises(Contradicted, match=r"a head over 4 entries was signed.*timeline 2.*timeline 1"):
        log(tmp_path, both).__enter__()
