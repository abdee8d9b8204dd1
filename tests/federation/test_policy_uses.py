"""Explaining and rehearsing what was decided: an entry first, and nothing read but what policy decided on."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.table import ActKind
from gateway.audit.reading.decision_inputs import Decided, decided_in, decided_since
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.demo.command import run
from gateway.demo.federation import OFFICER, Federation, open_federation
from gateway.demo.sources import planted
from gateway.errors import NotProved, StorageBroken
from gateway.ops.audit import policy_decisions
from gateway.ops.audit.policy_decisions import _require_entry
from gateway.ops.homes.open_home import open_home
from gateway.ports.log_store import LogState, NewEntry
from gateway.storage.log.log_store import SqlLogStore
from policy.attributes import QuestionAttributes
from tests.support.cli import Liaison, Ran
from tests.support.policies import NATIONAL

CASE = "TH-2026-0418"
WHY = ("--reason", "why was this refused, asked by the desk", "--by", "A. Clerk")
DRAFT = NATIONAL / "kh"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    founded = open_federation(tmp_path_factory.mktemp("uses") / "fed", SystemClock())
    try:
        founded.start("th", "kh")
        yield founded
    finally:
        founded.stop(*founded.processes)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture(scope="module")
def exchange(federation: Federation) -> str:
    """An exchange with a hit, which `kh` answered; its node is still up."""
    query = ("container", "--number", planted.SEIZED_CONTAINER)
    why = ("--purpose", "INVESTIGATION", "--offence", "TIMBER", "--case", CASE)
    ran = run("ask", *query, "--home", federation.home("th"), "--as", OFFICER, "--to", "kh", *why, "--json")
    assert ran.code == 0, ran.said
    found = ran.output["lines"]
    return str(next(line["exchange_id"] for line in found if line["member"] == "kh"))


@pytest.fixture(params=["running", "stopped"], scope="module")
def home(request: pytest.FixtureRequest, federation: Federation, exchange: str) -> Path:
    """The home of `kh`, with its node running, and without."""
    running = "kh" in federation.processes
    if request.param == "running" and not running:
        federation.start("kh")
    if request.param == "stopped" and running:
        federation.stop("kh")
    return federation.home("kh")


@pytest.fixture
def stopped(federation: Federation, exchange: str) -> Path:
    if "kh" in federation.processes:
        federation.stop("kh")
    return federation.home("kh")


def entries(liaison: Liaison, home: Path, kind: str) -> list[dict[str, Any]]:
    shown = liaison("audit", "show", "--home", home, "--log", "operations", "--kind", kind, "--json").value
    return list(shown["entries"])


def explain(liaison: Liaison, home: Path, exchange: str, *more: str) -> Ran:
    return liaison("policy", "explain", "--home", home, "--exchange", exchange, *more)


def rehearse(liaison: Liaison, home: Path, *more: str) -> Ran:
    return liaison("policy", "rehearse", "--home", home, "--draft", DRAFT, "--since", "1d", *more)


def test_an_explanation_has_its_entry_first(liaison: Liaison, home: Path, exchange: str) -> None:
    before = len(entries(liaison, home, "explained"))
    ran = explain(liaison, home, exchange, *WHY, "--json")
    assert ran.code == 0, ran.err
    assert [one["what"] for one in ran.value["explanations"]] == ["question", "Consignment", "Seizure"]
    newest, *_ = found = entries(liaison, home, "explained")
    assert len(found) == before + 1
    assert newest["index"] == ran.value["entry"]["index"]
    in_force = entries(liaison, home, "start")[0]["private"]["policy_hash"]
    assert ran.value["policy_hash"] == in_force
    assert newest["private"] == {
        "by": "A. Clerk",
        "account": getpass.getuser(),
        "reason": WHY[1],
        "detail": {"exchange": exchange},
    }
    assert liaison("audit", "verify", "--home", home).code == 0


def test_an_explanation_is_by_the_policy_that_decided_not_by_the_one_in_force(
    liaison: Liaison, stopped: Path, exchange: str, tmp_path: Path
) -> None:
    before = explain(liaison, stopped, exchange, *WHY, "--json").value["explanations"]
    settings = stopped / "node.toml"
    text = settings.read_text(encoding="utf-8")
    stricter = shutil.copytree(load_settings(stopped).national_policy, tmp_path / "kh")
    rule = '@id("nothing")\n@code("policy-denies")\nforbid (principal, action == Action::"answer", resource);\n'
    (stricter / "nothing.cedar").write_text(rule, encoding="utf-8")
    changed = text.replace('# national = ""', f'national = "{stricter}"')
    settings.write_text(changed, encoding="utf-8")
    assert load_settings(stopped).national_policy == stricter
    try:
        assert explain(liaison, stopped, exchange, *WHY, "--json").value["explanations"] == before
    finally:
        settings.write_text(text, encoding="utf-8")
    (kept,) = [path for path in Home(stopped).policies.glob("*.json") if path.name != "incoming.json"]
    moved = kept.rename(kept.with_suffix(".moved"))
    try:
        ran = explain(liaison, stopped, exchange, *WHY)
        assert ran.code == 1
        assert "were kept" in ran.err
    finally:
        moved.rename(kept)


def test_an_explanation_by_other_rules_than_the_entry_names_is_a_contradiction(
    liaison: Liaison, home: Path, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def otherwise(*arguments: Any) -> Iterator[Decided]:
        return (replace(one, rules=(*one.rules, "national/another")) for one in decided_in(*arguments))

    monkeypatch.setattr(policy_decisions, "decided_in", otherwise)
    ran = explain(liaison, home, exchange, *WHY)
    assert ran.code == 1
    assert "other rules" in ran.err


def test_an_explanation_shows_no_person_officer_case_or_reference(liaison: Liaison, home: Path, exchange: str) -> None:
    texts = explain(liaison, home, exchange, *WHY).out + explain(liaison, home, exchange, *WHY, "--json").out
    assert "national/kh-" in texts
    assert not [word for word in (CASE, planted.SEIZED_CONTAINER, OFFICER) if word in texts]


def test_a_rehearsal_has_its_entry_first(liaison: Liaison, home: Path, exchange: str) -> None:
    before = len(entries(liaison, home, "rehearsed"))
    ran = rehearse(liaison, home, "--json")
    assert ran.code == 0, ran.err
    assert (ran.value["exchanges"], ran.value["changes"]) == (1, 0)
    newest, *_ = found = entries(liaison, home, "rehearsed")
    assert len(found) == before + 1
    assert newest["index"] == ran.value["entry"]["index"]
    private = newest["private"]
    assert (private["by"], private["account"]) == (getpass.getuser(), getpass.getuser())
    assert private["reason"]
    assert len(private["detail"]["draft"]) == 64
    told = rehearse(liaison, home).out
    newest, *_ = entries(liaison, home, "rehearsed")
    assert f"this use is entry {newest['index']} of operations/1" in told


def test_only_what_policy_decided_on_comes_out_of_an_entry(federation: Federation, exchange: str) -> None:
    with open_home(federation.home("kh")) as evidence:
        found = [
            *decided_in(evidence.store, evidence.keys, exchange),
            *decided_since(evidence.store, evidence.keys, 0),
        ]
    assert len(found) == 2
    for one in found:
        assert one.question.keys() == set(QuestionAttributes.__struct_fields__)
        assert one.question["has_case"] is True
        assert {key for record in one.records for key in record} == {"record_type", "owner", "category", "marking"}


def test_who_says_nothing_of_why_gets_nothing_explained(liaison: Liaison, home: Path, exchange: str) -> None:
    before = len(entries(liaison, home, "explained"))
    assert explain(liaison, home, exchange).code == 2
    assert explain(liaison, home, exchange, "--reason", " ").code == 1
    assert explain(liaison, home, exchange, "--reason", "two\nlines").code == 1
    assert len(entries(liaison, home, "explained")) == before


def test_a_draft_that_does_not_load_is_told_before_anything_is_written(
    liaison: Liaison, home: Path, tmp_path: Path
) -> None:
    before = len(entries(liaison, home, "rehearsed"))
    (tmp_path / "bad.cedar").write_text("permit (principal, action, resource);")
    ran = liaison("policy", "rehearse", "--home", home, "--draft", tmp_path)
    assert ran.code == 1
    assert "bad.cedar:1" in ran.err
    assert len(entries(liaison, home, "rehearsed")) == before


def test_what_is_no_exchange_of_ours_is_told_with_the_way_to_find_one(liaison: Liaison, home: Path) -> None:
    ran = explain(liaison, home, "0" * 32, *WHY)
    assert ran.code == 1
    assert "liaison audit show" in ran.err
    assert explain(liaison, home, "nonsense", *WHY).code == 1


def test_where_the_entry_cannot_be_written_nothing_is_read(
    liaison: Liaison, stopped: Path, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = SqlLogStore.commit

    def full(store: SqlLogStore, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        if entries:
            raise StorageBroken("no space is left", where="append")
        return commit(store, before, after, entries)

    with monkeypatch.context() as disk:
        disk.setattr(SqlLogStore, "commit", full)
        for ran in (explain(liaison, stopped, exchange, *WHY), rehearse(liaison, stopped)):
            assert ran.code == 1
            assert "no space is left" in ran.err
            assert not ran.out
    assert explain(liaison, stopped, exchange, *WHY).code == 0


def test_where_the_act_cannot_be_placed_nothing_is_read(liaison: Liaison, stopped: Path, exchange: str) -> None:
    folder, aside = stopped / "acts", stopped / "aside"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.rename(aside)
    folder.write_text("")
    try:
        for ran in (explain(liaison, stopped, exchange, *WHY), rehearse(liaison, stopped)):
            assert ran.code == 1
            assert "cannot be made" in ran.err
            assert not ran.out
    finally:
        folder.unlink()
        aside.rename(folder)


def test_an_entry_of_something_else_opens_nothing(stopped: Path, exchange: str) -> None:
    with open_home(stopped) as evidence, pytest.raises(NotProved):
        _require_entry(evidence, 0, ActKind.EXPLAIN, {"exchange": exchange})
