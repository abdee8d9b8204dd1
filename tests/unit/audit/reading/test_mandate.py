"""The auditor's mandate at a home whose node does not run: what an appointment lets through, and when."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from certs.keyfiles import load_key
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.errors import Stale, StorageBroken
from gateway.ports.log_store import LogState, NewEntry
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.appointment import parse_appointment, sign_appointment
from gateway.trust.documents.folder import TrustDocuments
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison, Ran, copy_federation

SECRET = "C-2026-secret"


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def federation(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path)
    home = tmp_path / "th"
    with LogHome(home, load_signing_key(Home(home).key("log")), SystemClock()).log() as log:
        log.append([answered(private={"case": SECRET})])
    assert liaison("audit", "key", "--out", tmp_path, "--name", "th.auditor.1").code == 0
    return tmp_path


def appoint(liaison: Liaison, federation: Path, *scope: str) -> None:
    ran = liaison(
        "audit", "appoint", "--home", federation / "th", "--authority", federation / "th-authority",
        "--auditor", "th.auditor.1", "--key", federation / "th.auditor.1.pub", "--by", "the auditor general",
        "--out", federation / "appointment.json", *scope,
    )  # fmt: skip
    assert ran.code == 0, ran.err


def opened(liaison: Liaison, federation: Path) -> Ran:
    key = federation / "th.auditor.1.key"
    return liaison("audit", "open", "--home", federation / "th", "--entry", "0", "--key", key, "--reason", "why")


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing can be written to a log any more."""
    commit = SqlLogStore.commit

    def full(store: SqlLogStore, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        if entries:
            raise StorageBroken("no space is left", where="append")
        return commit(store, before, after, entries)

    with monkeypatch.context() as disk:
        disk.setattr(SqlLogStore, "commit", full)
        yield


@pytest.mark.long
def test_g19_where_the_entry_of_an_opening_cannot_be_written_nothing_is_shown(
    liaison: Liaison, federation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appoint(liaison, federation)
    with full_disk(monkeypatch):
        ran = opened(liaison, federation)
    assert ran.code == 1
    assert "no space is left" in ran.err
    assert SECRET not in ran.out + ran.err
    assert SECRET in opened(liaison, federation).out


def looked_up(liaison: Liaison, home: Path) -> Ran:
    return liaison("audit", "find", "--home", home, "--kind", "answered")


@pytest.mark.long
def test_duty_l12_where_the_entry_of_a_search_cannot_be_written_nothing_is_found(
    liaison: Liaison, federation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_disk(monkeypatch):
        ran = looked_up(liaison, federation / "th")
    assert ran.code == 1
    assert "no space is left" in ran.err
    assert "exchange/1" not in ran.out
    assert "exchange/1" in looked_up(liaison, federation / "th").out


@pytest.mark.long
def test_a_copy_of_a_home_gets_no_entry_and_shows_nothing(liaison: Liaison, federation: Path) -> None:
    """An entry in an old copy would be a fork, as soon as the home itself goes on."""
    assert looked_up(liaison, federation / "th").code == 0
    shutil.copytree(federation / "th", federation / "copy")
    before = (federation / "copy" / "node.sqlite").read_bytes()
    ran = looked_up(liaison, federation / "copy")
    assert ran.code == 3
    assert "no witness was asked" in ran.err
    assert "exchange/1" not in ran.out
    assert (federation / "copy" / "node.sqlite").read_bytes() == before


@pytest.mark.long
def test_a_narrower_scope_counts_at_once_however_soon_it_comes(liaison: Liaison, federation: Path) -> None:
    """Times are whole seconds, and both are mostly made within one."""
    appoint(liaison, federation)
    assert SECRET in opened(liaison, federation).out
    appoint(liaison, federation, "--counterpart", "la", "--days", "29")
    ran = opened(liaison, federation)
    assert ran.code == 1
    assert "outside the scope" in ran.err


@pytest.mark.long
def test_an_older_appointment_and_one_of_the_same_second_are_refused(liaison: Liaison, federation: Path) -> None:
    appoint(liaison, federation)
    documents, clock = TrustDocuments(federation / "th" / "trust"), SystemClock()
    held = parse_appointment(documents.appointments("th")[0])[0]
    authority = SigningKey(load_key(federation / "th-authority" / "authority.key"))
    for earlier_us in (0, 1_000_000):
        other = replace(held, issued_us=held.issued_us - earlier_us, appointed_by="somebody else")
        with pytest.raises(Stale, match="newer appointment"):
            documents.accept_appointment(sign_appointment(other, [authority]), clock)
    assert not documents.accept_appointment(held.data, clock).changed
