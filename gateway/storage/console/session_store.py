"""`SessionStore` in SQL: person, device and officer token of a session are sealed, as values of the desk are.

The row is found by the hash of what the browser holds, so that a copy of the database lets no one in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, or_, select, update

from gateway.conversion import converter
from gateway.errors import LiaisonError
from gateway.ports.sessions import Session
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import console_session
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.documents.document_store import SEALING
from gateway.storage.keys.keystore import KeyStore

_session = converter(Session)

SESSION = "session"
"""The column, as a sealed value is bound to it."""

_AHEAD_US = 30_000_000
"""The clocks of the machines that share a database may differ by so much."""


class SqlSessions:
    """The sessions in one database. Thread-safe."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._keystore = keystore
        self._seals = DeskSeals(keystore)

    def begin(self, session: Session, most: int) -> int:
        """Keep a new session; end the oldest of its person beyond `most`, and return their number."""
        c, person = console_session.c, self._seals.token(session.person)
        with self._sealing() as connection:
            mine = select(c.id).where(c.person == person).order_by(c.started_us.desc(), c.id)
            over = connection.execute(mine.offset(most - 1)).scalars().all()
            connection.execute(delete(console_session).where(c.id.in_(over)))
            connection.execute(
                console_session.insert(),
                {
                    "id": session.id,
                    "person": person,
                    "started_us": session.started_us,
                    "seen_us": session.seen_us,
                    "ends_us": session.ends_us,
                    "renewing_us": 0,
                    "sealed": self._sealed(session),
                },
            )
        return len(over)

    def find(self, session_id: str) -> Session | None:
        """Return a session, or None: also where the key that it lay under was destroyed."""
        c = console_session.c
        with self._database.read("session") as connection:
            row = connection.execute(select(c.sealed, c.seen_us).where(c.id == session_id)).first()
        return None if row is None else self._opened(session_id, row.sealed, row.seen_us)

    def change(self, session_id: str, make: Callable[[Session], Session]) -> Session | None:
        """Put what `make` returns in the place of a session, and return it; None where the session has ended."""
        c = console_session.c
        with self._sealing() as connection:
            found = select(c.sealed, c.seen_us).where(c.id == session_id).with_for_update()
            row = connection.execute(found).first()
            before = None if row is None else self._opened(session_id, row.sealed, row.seen_us)
            if before is None:
                return None
            after = make(before)
            connection.execute(
                update(console_session).where(c.id == session_id).values(sealed=self._sealed(after), renewing_us=0)
            )
        return after

    def see(self, session_id: str, now_us: int) -> None:
        """Note that a page was asked for now."""
        c = console_session.c
        with self._database.write("session") as connection:
            connection.execute(
                update(console_session).where(c.id == session_id, c.seen_us < now_us).values(seen_us=now_us)
            )

    def claim_renewal(self, session_id: str, now_us: int, until_us: int) -> bool:
        """Return true for one caller only until `until_us`."""
        c = console_session.c
        free = or_(c.renewing_us <= now_us, c.renewing_us > until_us + _AHEAD_US)
        with self._database.write("session") as connection:
            claimed = connection.execute(
                update(console_session).where(c.id == session_id, free).values(renewing_us=until_us)
            )
            return claimed.rowcount == 1

    def end(self, session_id: str) -> bool:
        """End a session; tell whether it was there."""
        with self._database.write("session") as connection:
            ended = connection.execute(delete(console_session).where(console_session.c.id == session_id))
            return ended.rowcount == 1

    def end_over(self, now_us: int, idle_us: int) -> int:
        """End the sessions whose time is over or has not begun, and return their number."""
        c = console_session.c
        over = or_(c.ends_us <= now_us, c.seen_us <= now_us - idle_us, c.started_us > now_us + _AHEAD_US)
        with self._database.read("sessions") as connection:
            ids = connection.execute(select(c.id).where(over)).scalars().all()
        if not ids:
            return 0
        with self._database.write("sessions") as connection:
            return connection.execute(delete(console_session).where(c.id.in_(ids), over)).rowcount

    @contextmanager
    def _sealing(self) -> Iterator[Connection]:
        """Yield a transaction that seals values under current keys, which cannot be retired before it ends."""
        with self._database.write("session") as connection:
            if self._database.shared:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({SEALING})")
                self._keystore.look_again()
            yield connection

    def _sealed(self, session: Session) -> bytes:
        return self._seals.seal(session.started_us, msgspec.json.encode(session), SESSION, session.id)

    def _opened(self, session_id: str, sealed: bytes, seen_us: int) -> Session | None:
        try:
            data = self._seals.open(sealed, SESSION, session_id)
        except LiaisonError:  # the row was changed by another hand, or its key is gone: it lets no one in
            return None
        return replace(_session(msgspec.json.decode(data)), seen_us=seen_us) if data else None
