"""Acts at a home: who proves them, that each counts once, and that a cut-off one goes on (CASE-L6, CASE-L11)."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.act import Act, parse_act, sign_act
from gateway.audit.acts.table import ACTS, ActKind, Lane
from gateway.audit.reading.inspection import Action as Inspecting
from gateway.audit.reading.inspection import Inspection, sign_inspection
from gateway.audit.reading.show import Filter
from gateway.clock import SystemClock
from gateway.config import Home, Suspensions, load_settings
from gateway.config.suspensions import Action
from gateway.errors import Forbidden, LiaisonError, Replayed, StorageBroken
from gateway.model.names import MemberId
from gateway.ops.acts import switches as switches_module
from gateway.ops.acts.carry import bring, carry_out
from gateway.ops.acts.draft import draft, trust_of
from gateway.ops.acts.mailbox import Mailbox, Order, account_name
from gateway.ops.acts.parts import Desks, own_desks
from gateway.ops.acts.switches import append, history, logged_switches
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home
from gateway.ops.homes.persons import person_names
from gateway.signing.keys import load_signing_key
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.cli import Liaison, copy_federation
from tests.support.persons import administrator, person_key, two_keys

WHY = ("--reason", "a drill")
VN = {"target": "peer:vn"}


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path, ("th", "vn"))
    return tmp_path / "th"


def resuming(home: Path, *names: str, **detail: Any) -> bytes:
    return draft(home, ActKind.RESUME, "over", detail or VN, [person_key(home, name) for name in names or ("adm",)])


def kinds(home: Path, *wanted: str) -> list[dict[str, Any]]:
    """Private parts of the entries of these kinds, the oldest first."""
    with open_home(home) as evidence:
        shown = [
            item for kind in wanted for _, item in find_entries(evidence, "operations", Filter(kind=kind), 100, None)
        ]
    return [dict(item.private) | {"kind": item.entry.kind} for item in sorted(shown, key=lambda it: it.entry.index)]


def active(home: Path) -> dict[str, str]:
    """What a node of this home takes for switched off."""
    with open_home(home) as evidence:
        documents = SqlDocumentStore(evidence.database, evidence.keys, SystemClock())
        file = Home(home).suspensions
        return Suspensions(file, SystemClock().monotonic, logged=lambda: logged_switches(documents)).active


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(LiaisonError) as refused:
        act()
    return refused.value.code


# ---------------------------------------------------------------- the off-switch


def test_switching_off_needs_no_proof_and_switching_on_does(liaison: Liaison, home: Path) -> None:
    where = ("--home", home, "--peer", "vn", *WHY)
    assert liaison("suspend", *where).code == 0
    refused = liaison("resume", *where, "--json")
    assert (refused.code, refused.value["error"]["code"]) == (1, "proof-needed")
    assert active(home) == {"peer:vn": "a drill"}
    assert liaison("resume", *where, *administrator(home)).code == 0
    assert active(home) == {}
    off, on = kinds(home, "suspend", "resume")
    assert (off["kind"], off["proof"], off["persons"]) == ("suspend", "unproved", [])
    assert off["account"] == account_name(Home(home).suspensions.stat().st_uid)
    assert (on["kind"], on["proof"], [item["role"] for item in on["persons"]]) == (
        "resume",
        "signatures",
        ["administrator"],
    )


def test_switching_off_works_where_the_database_and_the_trust_documents_are_broken(
    liaison: Liaison, home: Path
) -> None:
    (home / "node.sqlite").write_bytes(b"rubbish")
    shutil.rmtree(home / "trust")
    (home / "acts").write_text("no folder")
    assert liaison("suspend", "--home", home, "--all", *WHY).code == 0
    assert liaison("suspend", "--home", home, "--all", *WHY, *administrator(home)).code == 0
    assert [line.target for line in history(Home(home))] == ["all", "all"]


def test_switching_off_with_a_key_is_proved_in_its_entry(liaison: Liaison, home: Path) -> None:
    assert liaison("suspend", "--home", home, "--peer", "vn", *WHY, *administrator(home)).code == 0
    bring(home, resuming(home))
    off, _ = kinds(home, "suspend", "resume")
    assert (off["proof"], [item["role"] for item in off["persons"]]) == ("signatures", ["administrator"])
    assert not Mailbox(Home(home).acts).waiting(Lane.SWITCH)


def test_a_switch_says_who_its_entry_names_and_whether_that_is_proved(liaison: Liaison, home: Path) -> None:
    """The entry says what the command said; the key of somebody else proves nothing, and the command says so."""
    where = ("--home", home, "--peer", "vn", *WHY)
    said = []
    for keys in ((), two_keys(home), administrator(home)):
        ran = liaison("suspend", *where, *keys)
        assert ran.code == 0
        said.append(ran.out)
    account = account_name(Home(home).suspensions.stat().st_uid)
    for out in said[:2]:
        assert f"the entry names the account `{account}` of this machine, as unproved" in out
    assert f"signed by administrator {home.name}-adm (" in said[2]
    on = liaison("resume", *where, *administrator(home), "--json").value
    assert (on["proof"], on["by"].partition(" (")[0]) == ("signatures", f"administrator {home.name}-adm")
    entries = kinds(home, "suspend", "resume")
    assert [entry["proof"] for entry in entries] == ["unproved", "unproved", "signatures", "signatures"]
    assert [entry["by"] for entry in entries] == [account, account, on["by"], on["by"]]
    assert [set(person) for person in entries[3]["persons"]] == [{"role", "key_id"}]


def test_a_name_that_is_no_plain_word_is_not_told(home: Path) -> None:
    folder = Home(home).persons("administrator")
    (public,) = folder.glob("*.pub")
    for name in ("a: b.pub", "\u202eevil.pub", "no key.pub"):
        shutil.copyfile(public, folder / name)
    (folder / "broken.pub").write_text("rubbish")
    assert set(person_names(Home(home)).values()) >= {public.stem}
    public.unlink()
    assert public.stem not in person_names(Home(home)).values()
    assert not [name for name in person_names(Home(home)).values() if not name.replace("-", "").isalnum()]


def test_another_act_handed_in_beside_a_line_proves_nothing(home: Path) -> None:
    data = draft(home, ActKind.SUSPEND, "a drill", VN | {"humanitarian": ""}, [person_key(home, "adm")])
    line = switches_module.suspend(Home(home), SystemClock(), "all", "another reason")
    Mailbox(Home(home).acts).give(Order(ActKind.SUSPEND, document=data.decode(), id=line.id))
    bring(home, resuming(home))
    assert kinds(home, "suspend")[0]["proof"] == "unproved"


def test_a_line_that_was_appended_by_hand_switches_nothing_on_and_raises_an_alarm(home: Path) -> None:
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "a drill")
    append(Home(home), replace(history(Home(home))[0], id="f" * 32, action=Action.RESUME))
    assert active(home) == {"peer:vn": "a drill"}
    for _ in range(2):
        carry_out(home, Order(ActKind.LOOK_UP))
        with desks(home) as made:
            made.switches.log()
    assert [item["code"] for item in kinds(home, "alarm")] == ["unproved-resume"]
    assert active(home) == {"peer:vn": "a drill"}


@contextmanager
def desks(home: Path) -> Iterator[Desks]:
    def nobody(token: str) -> Any:
        raise Forbidden(token)

    with own_desks(load_settings(home), Lane.QUICK, nobody) as made:
        yield made


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize("names", [("data1",), ("data1", "data2")])
def test_a_key_that_is_listed_for_another_use_switches_nothing_on(home: Path, names: tuple[str, ...]) -> None:
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "a drill")
    assert code_of(lambda: bring(home, resuming(home, *names))) == "below-threshold"
    assert active(home) == {"peer:vn": "a drill"}
    assert kinds(home, "resume") == []


def test_an_act_of_another_member_is_refused(home: Path) -> None:
    theirs = resuming(home.parent / "vn", **VN)
    assert code_of(lambda: bring(home, theirs)) == "other-member"


def test_the_administrator_of_another_member_cannot_sign_for_us(home: Path) -> None:
    act, _ = parse_act(resuming(home))
    data = sign_act(act, [load_signing_key(person_key(home.parent / "vn", "adm"))])
    assert code_of(lambda: bring(home, data)) == "below-threshold"


def test_a_key_that_the_status_removed_signs_no_more_and_the_remedy_is_named(liaison: Liaison, home: Path) -> None:
    data = resuming(home)
    gone = load_signing_key(person_key(home, "adm")).key_id
    publish_status(home, SystemClock(), removed=[gone])
    with pytest.raises(LiaisonError) as refused:
        bring(home, data)
    assert refused.value.code == "below-threshold"
    assert "liaison trust person --use administrator" in refused.value.remedy
    assert "liaison trust publish" in refused.value.remedy


def test_an_act_that_has_expired_or_lasts_too_long_is_refused(home: Path) -> None:
    act, _ = parse_act(resuming(home))
    key = [load_signing_key(person_key(home, "adm"))]
    week = 7 * 24 * 3600 * 1_000_000

    def changed(**changes: Any) -> bytes:
        return sign_act(replace(act, **changes), key)

    old = changed(issued_us=act.issued_us - 2 * week, expires_us=act.expires_us - 2 * week)
    assert code_of(lambda: bring(home, old)) == "act-expired"
    assert code_of(lambda: bring(home, changed(expires_us=act.expires_us + week))) == "bad-act-time"


@pytest.mark.parametrize("detail", [{}, {"target": "peer:vn", "more": 1}, {"target": "everything"}, {"target": 1}])
def test_an_act_that_says_anything_else_than_its_kind_does_is_refused(home: Path, detail: dict[str, Any]) -> None:
    act, _ = parse_act(resuming(home))
    data = sign_act(replace(act, detail=detail), [load_signing_key(person_key(home, "adm"))])
    assert code_of(lambda: bring(home, data)) == "bad-act"


@pytest.mark.parametrize("kind", ["open-the-door", "", "policy", "prune", "next-log", "start-without-witness"])
def test_what_is_not_in_the_table_or_not_of_the_mailbox_is_not_taken(home: Path, kind: str) -> None:
    assert code_of(lambda: carry_out(home, Order(kind))) == "unknown-act"


@pytest.mark.parametrize("kind", [kind for kind, rule in ACTS.items() if rule.lane and not rule.unproved])
def test_no_act_that_demands_a_proof_is_carried_out_without_one(home: Path, kind: ActKind) -> None:
    order = Order(
        kind, by="A. Clerk", reason="x", detail={"target": "all", "consent": "0", "granted": True, "hours": 1}
    )
    with pytest.raises(LiaisonError):
        carry_out(home, order)


def test_each_act_of_the_mailbox_has_exactly_one_effect(home: Path) -> None:
    with desks(home) as made:
        effects = [*made.quick.effects, *made.long.effects]
    assert sorted(effects) == sorted(kind for kind, rule in ACTS.items() if rule.lane in (Lane.QUICK, Lane.LONG))


def test_a_signed_act_under_another_kind_is_refused(home: Path) -> None:
    """The lanes judge what is signed, not what the mailbox says of it."""
    data = resuming(home).decode()
    assert code_of(lambda: carry_out(home, Order(ActKind.SEEK, document=data))) in ("bad-order", "below-threshold")
    assert code_of(lambda: carry_out(home, Order(ActKind.OPEN, document=data))) == "bad-document"
    assert kinds(home, "resume", "erasure-sought", "opened") == []


# ---------------------------------------------------------------- once


def test_an_act_counts_once(home: Path) -> None:
    data = resuming(home)
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "one")
    bring(home, data)
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "two")
    with pytest.raises(Replayed):
        bring(home, data)
    append(Home(home), next(line for line in history(Home(home)) if line.action is Action.RESUME))
    assert active(home) == {"peer:vn": "two"}
    assert len(kinds(home, "resume")) == 1


@pytest.mark.parametrize("cut", ["append", "documents"])
def test_an_act_that_was_cut_off_between_its_entry_and_its_effect_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "one")
    data = resuming(home)
    order = Order(ActKind.RESUME, document=data.decode())

    def ends(*_: object) -> None:
        raise StorageBroken("the process ends here", where="test")

    with desks(home) as made:
        made.switches.log()
    with monkeypatch.context() as patch:
        if cut == "append":
            patch.setattr(switches_module, "append", ends)
        else:
            patch.setattr(switches_module.SwitchDesk, "_done", ends)
        Mailbox(Home(home).acts).give(order)
        with desks(home) as made, pytest.raises(StorageBroken):
            made.quick.run()
    assert active(home) == {"peer:vn": "one"}
    assert len(kinds(home, "resume")) == 1
    with desks(home) as made:
        assert made.quick.run() == 1
    assert active(home) == {}
    assert len(kinds(home, "resume")) == 1
    assert len([line for line in history(Home(home)) if line.action is Action.RESUME]) == 1


def _bring(home: Path, data: bytes, results: Any) -> None:
    try:
        results.put(json.dumps(bring(home, data)["id"]))
    except LiaisonError as error:
        results.put(error.code)


def test_of_two_processes_that_bring_one_act_one_carries_it_out(home: Path) -> None:
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "one")
    data = resuming(home)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    both = [context.Process(target=_bring, args=(home, data, results)) for _ in range(2)]
    for process in both:
        process.start()
    found = sorted(results.get(timeout=60) for _ in both)
    for process in both:
        process.join(60)
    assert found == sorted([json.dumps(parse_act(data)[0].id), "act-known"])
    assert len(kinds(home, "resume")) == 1


def test_an_auditors_inspection_counts_once(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    """Its copy shows nothing again, also within the five minutes of its signature."""
    keys, authority = tmp_path / "auditor", tmp_path / "th-authority"
    assert liaison("audit", "key", "--out", keys, "--name", "a").code == 0
    whose = ("--home", home, "--authority", authority, "--auditor", "a", "--key", keys / "a.pub", "--by", "general")
    assert liaison("audit", "appoint", *whose, "--out", tmp_path / "appointment").code == 0
    inspection = Inspection(Inspecting.SEARCH, MemberId("th"), "audit", SystemClock().now_us(), {})
    data = sign_inspection(inspection, load_signing_key(keys / "a.key")).decode()
    assert code_of(lambda: carry_out(home, Order(ActKind.OPEN, document=data))) == "bad-order"
    assert carry_out(home, Order(ActKind.SEARCH, document=data))["log"] == "operations/1"
    assert code_of(lambda: carry_out(home, Order(ActKind.SEARCH, document=data))) == "act-known"
    assert len(kinds(home, "searched")) == 1


def test_too_many_acts_do_not_wait(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ops.acts.mailbox.MAX_WAITING", 2)
    mailbox = Mailbox(Home(home).acts)
    for _ in range(2):
        mailbox.give(Order(ActKind.SEEK, document="x"))
    assert code_of(lambda: mailbox.give(Order(ActKind.SEEK, document="x"))) == "too-many-acts"


# ---------------------------------------------------------------- two persons, two machines


def test_two_persons_sign_on_two_machines(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    carry_out(home, Order(ActKind.LOOK_UP))
    file = tmp_path / "act"
    what = ("--home", home, "--entry", "operations/1:0", "--reason", "asked in error")
    one, two = person_key(home, "data1"), person_key(home, "data2")
    drafted = liaison("audit", "erase", *what, "--key", one, "--out", file, "--json")
    assert (drafted.code, drafted.value["signatures"], drafted.value["needed"]) == (0, 1, 2)
    early = liaison("act", "bring", file, "--home", home, "--json")
    assert (early.code, early.value["error"]["code"]) == (1, "below-threshold")
    assert early.value["error"]["remedy"].endswith(f": liaison act sign {file} --key THEIR.key --out {file}")
    again = liaison("act", "sign", file, "--key", one, "--out", file, "--json")
    assert (again.code, again.value["error"]["code"]) == (1, "signed-already")
    assert liaison("act", "sign", file, "--key", two, "--out", file).code == 0
    shown = liaison("act", "show", file, "--json")
    assert (shown.value["signatures"], shown.value["hash"]) == (2, drafted.value["hash"])
    done = liaison("act", "bring", file, "--home", home, "--json")
    assert done.code == 0, done.out + done.err
    assert done.value["erased"]
    replayed = liaison("act", "bring", file, "--home", home, "--json")
    assert (replayed.code, replayed.value["error"]["code"]) == (1, "act-known")
    assert len(kinds(home, "erasure-ordered")) == 1


def test_one_person_erases_nothing(liaison: Liaison, home: Path) -> None:
    carry_out(home, Order(ActKind.LOOK_UP))
    what = ("audit", "erase", "--home", home, "--entry", "operations/1:0", "--reason", "x", "--json")
    one = ("--key", str(person_key(home, "data1")))
    signed: dict[tuple[str, ...], str] = {
        (): "proof-needed",
        one: "below-threshold",
        one * 2: "below-threshold",
        (*one, *administrator(home)): "below-threshold",
    }
    for keys, said in signed.items():
        refused = liaison(*what, *keys)
        assert (refused.code, refused.value["error"]["code"]) == (1, said)
        assert refused.value["error"]["remedy"]
    assert kinds(home, "erasure-ordered", "key-destroyed") == []


def test_an_act_is_told_before_it_is_signed(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    act = Act(ActKind.ERASE_AGE, trust_of(Home(home)).member, "gms", "why", 1, {"before": {"hit": 1_000_000}})
    file = tmp_path / "act"
    file.write_bytes(sign_act(act, [load_signing_key(person_key(home, "data1"))]))
    told = liaison("act", "show", file)
    assert "1 of 2 signed" in told.out
    assert "  before: hit 1970-01-01 00:00:01 +00:00\n" in told.out
    wrong = liaison("act", "show", person_key(home, "data1"))
    assert (wrong.code, "this is no act" in wrong.err) == (1, True)
