"""The auditor's check, each number by a case in which it fails; over a home and over an export."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.entries.entry import Entry, commitment, encode_private, parse_entry
from gateway.audit.export.export import export
from gateway.audit.log.log import AuditLog
from gateway.audit.reading.show import Filter, show
from gateway.audit.retention.erase_key import ErasureReason
from gateway.audit.tree.checkpoint import Signer, origin
from gateway.audit.tree.merkle import leaf_hash
from gateway.audit.verify import verify
from gateway.audit.verify.findings import MEANING, Check, Report, State
from gateway.audit.verify.verify import verify_export
from gateway.clock import ManualClock
from gateway.errors import Malformed
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from tests.support.audit_logs import NOON, LogHome, new_id
from tests.support.audited import TH, World, bad_with, make_world, rewrite
from tests.support.erasing import opened
from tests.support.federation import make_federation
from tests.support.tables import table

OPENINGS = "exchange-1/openings/000000000000.jsonl"
STATEMENTS = "exchange-1/statements/000000000000.jsonl"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


# ---------------------------------------------------------------- all is well


@pytest.mark.long
def test_an_honest_home_is_proved(world: World) -> None:
    report = world.verify(fingerprint=world.federation.fingerprint)
    assert [item for item in report.findings if item.state is not State.PROVED] == []
    assert report.exit_code == 0
    assert report.sizes == {"exchange/1": 6, "operations/1": 1}
    of_exports = {Check.MANIFEST, Check.RANGE, Check.MANDATE, Check.POLICIES, Check.WITNESSES}
    assert {item.check for item in report.findings} == set(Check) - of_exports - {Check.ACTS, Check.HUMANS}, (
        "no act is in it"
    )


def test_an_honest_export_is_proved_without_the_home(world: World) -> None:
    out = world.export()
    report = verify_export(out, world.charter, world.federation.clock, world.federation.fingerprint)
    assert [item for item in report.findings if item.state is not State.PROVED] == []
    assert report.exit_code == 0
    assert {item.check for item in report.findings} == set(Check) - {
        Check.POLICIES,
        Check.WITNESSES,
        Check.ACTS,
        Check.HUMANS,
    }


def test_every_check_has_its_meaning_and_stands_in_the_docstring() -> None:
    assert set(MEANING) == set(Check)
    assert all(f"{check.value:2d}. " in str(verify.__doc__) for check in Check)


@pytest.mark.long
def test_a_running_node_can_be_verified(world: World) -> None:
    home = world.copy()
    with home.log() as log:
        log.append([world.answered()])
        report = world.verify(home)
    assert report.exit_code == 0
    assert report.sizes["exchange/1"] == 7


@pytest.mark.long
def test_a_node_that_goes_on_writing_is_never_accused(world: World) -> None:
    home = world.copy()
    drafts = [world.answered() for _ in range(120)]
    with home.log() as log:

        def write() -> None:
            for item in drafts:
                log.append([item])

        writer = threading.Thread(target=write)
        writer.start()
        reports = []
        while writer.is_alive():
            reports.append(world.verify(home, statements=False))
        writer.join()
    assert reports
    assert {item.state for report in reports for item in report.findings} <= {State.PROVED, State.NOT_PROVABLE}


def test_after_kill_9_the_high_water_file_has_the_newest_head(world: World) -> None:
    home = world.copy()
    with home.store() as store:
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        log.append([world.answered()])
        log._high_water.close()
    assert world.verify(home).exit_code == 0


# ---------------------------------------------------------------- check by check


@pytest.mark.long
def test_check_1_another_charter(world: World, tmp_path: Path) -> None:
    other = make_federation(tmp_path / "other", ("th", "vn"))
    assert bad_with(world.verify(fingerprint=other.fingerprint), Check.CHARTER)
    assert world.verify(charter=[]).exit_code == 3
    assert bad_with(world.verify(charter=[world.federation.charter.replace(b"gms", b"gmz")]), Check.CHARTER)


@pytest.mark.long
def test_check_2_descriptors_of_somebody_else(world: World, tmp_path: Path) -> None:
    other = make_federation(tmp_path / "other", ("th", "vn"))
    foreign = (other["th"].home / "trust" / "descriptors" / "th.jsonl").read_bytes().splitlines()
    assert bad_with(world.verify(descriptors=foreign), Check.DESCRIPTORS)
    assert world.verify(descriptors=[]).exit_code == 3


@pytest.mark.long
@table("name", [OPENINGS, "trust/charter.jsonl", "exchange-1/tile/0/000.p/6", "exchange-1/checkpoint"])
def test_check_3_a_file_of_an_export_was_changed(world: World, name: str) -> None:
    out = world.export()
    data = (out / name).read_bytes()
    changed = b"".join(data.splitlines(keepends=True)[:-1]) if name == OPENINGS else data + b" \n"
    (out / name).write_bytes(changed)
    report = verify_export(out, world.charter, world.federation.clock)
    assert bad_with(report, Check.FORM if "tile" in name else Check.MANIFEST)
    assert report.exit_code == 1


def test_check_3_the_manifest_was_changed(world: World) -> None:
    out = world.export()
    manifest = json.loads((out / "export.json").read_bytes())
    manifest["created"] = "2027-01-01T00:00:00.000000Z"
    (out / "export.json").write_text(json.dumps(manifest))
    assert bad_with(verify_export(out, world.charter, world.federation.clock), Check.MANIFEST)


def test_check_4_a_head_signed_by_a_key_that_is_not_listed(world: World) -> None:
    home = LogHome(world.folder / f"foreign-{new_id()}", clock=world.home.clock)
    home.folder.mkdir()
    with home.log() as log:
        log.append([world.answered()])
    assert bad_with(world.verify(home), Check.HEAD)


@pytest.mark.parametrize("index", [0, 3, 5])
def test_check_5_g6_the_first_bad_entry_is_named(world: World, index: int) -> None:
    home = world.copy()
    rewrite(home, index, lambda entry: replace(entry, time_us=entry.time_us + 1 if index != 5 else entry.time_us - 1))
    report = world.verify(home)
    assert report.exit_code == 1
    assert bad_with(report, Check.TREE) or bad_with(report, Check.EARLIER_HEADS)
    assert report.first_bad
    low = {0: 0, 3: 2, 5: 5}[index]
    assert low <= report.first_bad[1] <= index


def test_check_5_g1_a_changed_byte_is_named_exactly(world: World) -> None:
    home = world.copy()
    home.sql(
        "UPDATE log_entry SET body = CAST(replace(CAST(body AS TEXT), '\"t\":1', '\"t\":2') AS BLOB) WHERE seq = 1"
    )
    assert world.verify(home).first_bad == ("exchange/1", 1)


def test_check_5_g2_a_missing_row_is_named(world: World) -> None:
    home = world.copy()
    home.sql("PRAGMA foreign_keys=OFF", "DELETE FROM log_entry WHERE seq = 5")
    report = world.verify(home)
    assert report.first_bad == ("exchange/1", 5)


_COLUMNS = "body, leaf_hash, kind, peer, time_us, channel, number, request_hash, expires_us"


@pytest.mark.long
@table(
    ("statements", "first_bad"),
    [
        (["DELETE FROM log_entry WHERE log_id = ID AND seq = 2"], 2),
        (
            [
                "DELETE FROM log_entry WHERE log_id = ID AND seq = 2",
                "UPDATE log_entry SET seq = seq - 1 WHERE log_id = ID AND seq > 2",
                "UPDATE log_state SET size = 5 WHERE id = ID",
            ],
            2,
        ),
        (
            [
                "UPDATE log_entry SET seq = seq + 100 WHERE log_id = ID AND seq > 4",
                "UPDATE log_entry SET seq = seq - 99 WHERE log_id = ID AND seq > 100",
                f"INSERT INTO log_entry (log_id, seq, {_COLUMNS})"
                f" SELECT log_id, 5, {_COLUMNS} FROM log_entry WHERE log_id = ID AND seq = 4",
                "UPDATE log_state SET size = 7 WHERE id = ID",
            ],
            5,
        ),
        (
            [
                "UPDATE log_entry SET seq = 100 WHERE log_id = ID AND seq = 1",
                "UPDATE log_entry SET seq = 1 WHERE log_id = ID AND seq = 4",
                "UPDATE log_entry SET seq = 4 WHERE log_id = ID AND seq = 100",
            ],
            1,
        ),
    ],
    ids=[
        "CASE-G3 a middle row is deleted",
        "CASE-G3 and the gap is closed",
        "CASE-G4 a row is inserted",
        "CASE-G5 two rows are swapped",
    ],
)
def test_check_5_g3_g4_g5_the_first_bad_entry_is_named(world: World, statements: list[str], first_bad: int) -> None:
    home = world.copy()
    place = "(SELECT id FROM log_state WHERE log = 'exchange/1')"
    home.sql("PRAGMA foreign_keys=OFF", *(line.replace("ID", place) for line in statements))
    report = world.verify(home)
    assert (report.exit_code, report.first_bad) == (1, ("exchange/1", first_bad))


def test_check_5_entries_under_no_head_are_not_provable(world: World) -> None:
    home = world.copy()
    with home.log() as log:
        log.append([world.answered()])
    shutil.copy(world.home.highwater / "exchange-1", home.highwater / "exchange-1")
    home.sql("UPDATE log_state SET checkpoint = x''", "DELETE FROM log_checkpoint WHERE size > 6")
    assert world.verify(home).exit_code == 3


def test_check_6_an_earlier_head_of_another_tree(world: World) -> None:
    home = world.copy()
    with contextlib.closing(sqlite3.connect(home.database_path)) as connection:
        head = Signer(origin("th", "exchange", 1), home.key).sign(3, bytes(32))
        connection.execute(
            "INSERT INTO log_checkpoint SELECT id, 3, ? FROM log_state WHERE log = 'exchange/1'", (head,)
        )
        connection.commit()
    assert bad_with(world.verify(home), Check.EARLIER_HEADS)


@pytest.mark.long
@table(
    ("check", "index", "change"),
    [
        (Check.FORM, 1, lambda entry: replace(entry, index=7)),
        (Check.FORM, 1, lambda entry: replace(entry, log="kh.liaison.internal/exchange/1")),
        (Check.FORM, 1, lambda entry: replace(entry, kind="start")),
        (Check.TIME, 2, lambda entry: replace(entry, time_us=1)),
        (Check.CHANNELS, 1, lambda entry: replace(entry, number=3)),
        (Check.CHANNELS, 5, lambda entry: replace(entry, number=2)),
        (Check.PRIVATE, 4, lambda entry: replace(entry, commitment=bytes(32))),
        (Check.STATEMENTS, 0, lambda entry: replace(entry, request_hash=bytes(32))),
        (Check.STATEMENTS, 3, lambda entry: replace(entry, answer_hash=bytes(32))),
        (Check.STATEMENTS, 0, lambda entry: replace(entry, peer="kh")),
    ],
)
def test_checks_7_to_11_find_what_an_entry_gets_wrong(
    world: World, check: Check, index: int, change: Callable[[Entry], Entry]
) -> None:
    home = world.copy()
    rewrite(home, index, change)
    report = world.verify(home)
    assert bad_with(report, check, index)
    assert report.exit_code == 1


def signed_over(world: World, drafts: Sequence[EntryDraft]) -> Report:
    """What a verifier says of a log in which the node itself signed `drafts`."""
    home = world.copy()
    with home.log() as log:
        log.append(drafts)
    return world.verify(home)


def test_check_11_a_request_that_the_peer_did_not_sign(world: World) -> None:
    report = signed_over(world, [world.answered(request=world.key("kh"))])
    assert bad_with(report, Check.STATEMENTS, 6)


def test_check_11_an_answer_that_we_did_not_sign(world: World) -> None:
    assert bad_with(signed_over(world, [world.answered(answer=world.key("vn"))]), Check.STATEMENTS, 6)


def test_check_11_the_first_bad_entry_is_named_whatever_is_wrong_with_those_after_it(world: World) -> None:
    """Signatures are verified after hashes, many together; of many findings only the first ones are told."""
    others = [world.answered() for _ in range(30)]
    for item in others:
        item.answer_hash = bytes(32)
    report = signed_over(world, [world.answered(request=world.key("kh")), *others])
    told = [item.index for item in report.findings if item.check is Check.STATEMENTS]
    assert report.first_bad == ("exchange/1", 6)
    assert told == list(range(6, 26))


def test_check_11_an_entry_with_two_bad_statements_is_told_once_by_its_request(world: World) -> None:
    twice = world.answered(request=world.key("kh"), answer=world.key("vn"))
    mixed = world.answered(request=world.key("kh"))
    mixed.answer_hash = bytes(32)
    report = signed_over(world, [twice, mixed])
    told = [item for item in report.findings if item.check is Check.STATEMENTS]
    assert [item.index for item in told] == [6, 7]
    assert all("is not a key of `vn`" in item.text for item in told)


def test_check_11_c10_a_key_of_another_use(world: World) -> None:
    report = signed_over(world, [world.answered(answer=world.federation["th"].key("agency-police"))])
    assert bad_with(report, Check.STATEMENTS, 6)


def test_check_11_an_answer_that_is_missing(world: World) -> None:
    item = world.answered()
    item.answer = b""
    assert signed_over(world, [item]).exit_code == 3


def test_check_12_two_answers_to_one_exchange(world: World) -> None:
    item = world.answered()
    item.claim = None
    twice = world.answered()
    twice.exchange_id, twice.claim = item.exchange_id, None
    assert bad_with(signed_over(world, [item, twice]), Check.ONE_ANSWER, 7)


@pytest.mark.long
@table("noted", [True, False], ids=["noted", "not-noted"])
@table("same", [True, False], ids=["one-request", "two-requests"])
def test_check_12_a_second_answer_under_a_wrong_clock_is_told_with_its_cause(
    world: World, noted: bool, same: bool
) -> None:
    """A clock that was wrong explains a second answer to one request, and none to another request."""
    item, twice = world.answered(), world.answered()
    item.claim = twice.claim = None
    twice.exchange_id = item.exchange_id
    if same:
        twice.request, twice.request_hash = item.request, item.request_hash
    if noted:
        twice.private = {**twice.private, "clock_us": -86_400_000_000}
    report = signed_over(world, [item, twice])
    (told,) = [one for one in report.findings if one.check is Check.ONE_ANSWER and one.state is not State.PROVED]
    assert told.state is (State.NOT_PROVABLE if noted and same else State.CONTRADICTED)
    assert (told.log, told.index) == ("exchange/1", 7)
    assert "entry 6 and entry 7" in told.text
    assert ("entry 7 notes that the clock was off by -86400 s" in told.text) is (noted and same)


def test_check_12_entries_about_the_clock_between_two_answers_are_named(world: World) -> None:
    item, twice = world.answered(), world.answered()
    item.claim = twice.claim = None
    twice.exchange_id, twice.request, twice.request_hash = item.exchange_id, item.request, item.request_hash
    home = world.copy()
    clock = home.clock = ManualClock(home.clock.now())
    with opened(home) as it:
        it.exchange.append([item])
        clock.advance(timedelta(seconds=1))
        it.operations.append([events.CLOCK.draft(jump_us=86_400_000_000, trusted=False)])
        place = it.operations.size - 1
        clock.advance(timedelta(seconds=1))
        it.exchange.append([twice])
    report = world.verify(home)
    (told,) = [one for one in report.findings if one.check is Check.ONE_ANSWER and one.state is not State.PROVED]
    assert told.state is State.NOT_PROVABLE
    assert f"the clock moved between them (entry {place} of operations/1)" in told.text


@pytest.mark.long
def test_g17_erased_content_is_erased_and_no_contradiction(world: World) -> None:
    home = world.copy()
    with opened(home) as it:
        it.eraser.entries({"exchange/1": [0, 3]}, ErasureReason("court-order", "A. Clerk", reference="2026/17"))
    report = world.verify(home)
    assert report.exit_code == 0
    erased = "exchange/1: the content of 2 entries was erased, as the operations log says (`court-order`)"
    assert erased in report.notes
    out = world.export(home)
    exported = verify_export(out, world.charter, home.clock, world.federation.fingerprint)
    assert exported.exit_code == 0
    assert erased in exported.notes


def test_g17_content_whose_key_is_gone_without_an_entry_is_a_gap(world: World) -> None:
    home = world.copy()
    home.keystore.destroy(next(key for key in home.keystore.key_ids() if key.startswith("nohit/")))
    report = world.verify(home)
    assert report.exit_code == 3
    assert not bad_with(report, Check.TREE)


@pytest.mark.long
def test_g17_content_that_is_gone_beside_what_the_proof_lists_is_contradicted(world: World) -> None:
    home = world.copy()
    with opened(home) as it:
        it.eraser.entries({"exchange/1": [0]}, ErasureReason("entry", "A. Clerk"))
    home.sql(
        "UPDATE log_content SET key_id = (SELECT key_id FROM log_content WHERE log_id = 1 AND seq = 0), private = x''"
        " WHERE log_id = 1 AND seq = 3"
    )
    assert bad_with(world.verify(home), Check.PRIVATE, 3)


def test_g17_content_that_is_missing_without_a_key_is_contradicted(world: World) -> None:
    home = world.copy()
    home.sql("DELETE FROM log_content WHERE log_id = 1 AND seq = 3")
    assert bad_with(world.verify(home), Check.PRIVATE, 3)


# ---------------------------------------------------------------- exports


def test_an_export_carries_the_log_in_the_layout_of_the_specification(world: World) -> None:
    out = world.export()
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert {
        "export.json",
        "export.sig",
        "exchange-1/checkpoint",
        "exchange-1/tile/0/000.p/6",
        "exchange-1/tile/entries/000.p/6",
        OPENINGS,
        STATEMENTS,
        "operations-1/checkpoint",
        "trust/charter.jsonl",
        "trust/descriptors/th.jsonl",
    } <= names
    bundle = (out / "exchange-1/tile/entries/000.p/6").read_bytes()
    length = int.from_bytes(bundle[:2], "big")
    assert parse_entry(bundle[2 : 2 + length]).index == 0
    assert (out / "exchange-1/tile/0/000.p/6").read_bytes()[:32] == leaf_hash(bundle[2 : 2 + length])


def test_an_export_whose_maker_rewrote_an_entry_is_contradicted(world: World) -> None:
    home = world.copy()
    rewrite(home, 2, lambda entry: replace(entry, time_us=entry.time_us + 1))
    report = verify_export(world.export(home), world.charter, world.federation.clock)
    assert bad_with(report, Check.TREE)
    assert report.first_bad
    assert report.first_bad[1] <= 2


def test_a_changed_byte_in_an_export_names_the_entry(world: World) -> None:
    out = world.export()
    path = out / "exchange-1/tile/entries/000.p/6"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"n":2', b'"n":9', 1))
    report = verify_export(out, world.charter, world.federation.clock)
    assert report.first_bad == ("exchange/1", 1)
    assert bad_with(report, Check.MANIFEST)


def test_an_export_never_overwrites(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    home = world.home
    with home.store() as store, pytest.raises(Malformed, match="not empty"):
        export(
            store,
            home.keystore,
            home.key,
            home.clock,
            member=TH,
            highwater=home.highwater,
            out=tmp_path,
            documents={},
        )


@pytest.mark.long
@table(
    "files",
    [
        {"../outside": "0" * 64},
        {"/etc/passwd": "0" * 64},
        {"a/../../b": "0" * 64},
        {"exchange-1/checkpoint": 7},
    ],
)
def test_l1_names_in_a_manifest_cannot_leave_the_export(world: World, files: dict[str, object]) -> None:
    out = world.export()
    manifest = json.loads((out / "export.json").read_bytes()) | {"files": files}
    (out / "export.json").write_text(json.dumps(manifest))
    with pytest.raises(Malformed):
        verify_export(out, world.charter, world.federation.clock)


def test_l1_a_link_in_an_export_is_not_followed(world: World, tmp_path: Path) -> None:
    out = world.export()
    (tmp_path / "head").write_bytes((out / "exchange-1/checkpoint").read_bytes())
    (out / "exchange-1/checkpoint").unlink()
    (out / "exchange-1/checkpoint").symlink_to(tmp_path / "head")
    assert verify_export(out, world.charter, world.federation.clock).exit_code == 1


def test_a_folder_that_is_no_export_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="not an export"):
        verify_export(tmp_path, world.charter, world.federation.clock)


# ---------------------------------------------------------------- show


def test_entries_are_shown_by_what_their_private_part_says(world: World) -> None:
    home = world.home
    with home.store() as store:
        rows = list(show(store, home.keystore, "exchange/1", Filter(officer="th.o.1042")))
        assert [row.entry.kind for row in rows] == ["received", "asked"]
        assert list(show(store, home.keystore, "exchange/1", Filter(officer="th.o.1"))) == []
        kh = list(show(store, home.keystore, "exchange/1", Filter(peer="kh", case="TH-2026-0001", outcome="no_hit")))
        assert [row.entry.kind for row in kh] == ["received"]
        assert len(list(show(store, home.keystore, "exchange/1", Filter(), limit=2))) == 2


@pytest.mark.long
def test_showing_goes_on_beyond_one_page(tmp_path: Path) -> None:
    home = LogHome(tmp_path, clock=ManualClock(NOON))
    home.fill(1100, batch=100)
    with home.store() as store:
        assert [row.entry.index for row in show(store, home.keystore, "exchange/1", Filter(), limit=1050)] == list(
            range(1099, 49, -1)
        )


def test_the_commitment_is_over_the_exact_private_bytes() -> None:
    private = encode_private({"a": 1}, bytes(32))
    assert commitment(private) == hashlib.sha256(private).digest()
