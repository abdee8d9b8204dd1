"""Erasing, backups, restores, policies, exports and indexes that are cut off at any call (CASE-H1, CASE-H2; CASE-G17).

After each fault the home opens, its logs verify, and the command does its work when it is given again. Besides:

1. an erasure was not begun, or it goes on to its end, by the command or by the node; it revives nothing, leaves no byte
   of a destroyed key, and takes nothing else along;
2. a backup is whole, or there is none;
3. a restore has made a whole home, or none, and an older backup revives nothing in it;
4. a policy is the old one or the new one, wholly, and that it was accepted is in the log;
5. an export that was cut off goes on, and a verifier refuses it until it is whole;
6. a key index is the old one or the new one.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.export.layout import MANIFEST, PART
from gateway.audit.reading.show import Filter
from gateway.config.home import Home
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home
from gateway.ops.policy.keeper import INCOMING, UNLOGGED
from tests.support.cli import Liaison
from tests.support.erasing import files_with
from tests.support.persons import signed
from tests.support.torture_commands import POINTS, Given, Job, Workshop, press, tried
from tests.support.torture_upkeep import (
    AUDITOR,
    Past,
    destroyed_keys,
    erased_exchanges,
    forgotten,
    index_rows,
    make_past,
    opens,
    policy_of,
    proofs_of_erasure,
    read_out,
    restored,
    verified,
)

pytestmark = pytest.mark.small_form

UNSIGNED = (0, 3)
"""What a verifier may say of logs whose node was cut off: the last entries have no signed head until it starts."""


class Erasing:
    """1: an erasure, by the command where no node runs, or by a node that finds the act."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._waited = False

    def jobs(self) -> list[Job]:
        return [
            Job("erase", self.erase, self.is_done, self.left, self.reset),
            Job("erase-resumed", self.erase, self.is_resumed, self.left, self.reset, again=serve_th, until=no_act),
            Job("erase-serving", serve_th, self.is_done, self.left, self.act, until=no_act, since="acts"),
        ]

    def erase(self, at: Path) -> Given:
        wanted = [text for exchange in self._past.forgotten for text in ("--exchange", exchange)]
        return "audit", "erase", "--home", at / "th", *wanted, *signed(at / "th")

    def reset(self, at: Path) -> None:
        self._waited = True

    def act(self, at: Path) -> None:
        shutil.copytree(at / "act", Home(at / "th").acts, dirs_exist_ok=True)

    def left(self, shop: Workshop) -> None:
        home = shop.folder / "th"
        self._waited = not no_act(shop.folder)
        opens(home)
        found = erased_exchanges(home)
        assert not found[self._past.kept], "what was to be kept is gone"
        gone = [found[wanted] for wanted in self._past.forgotten]
        assert self._waited or all(gone) or not any(gone), "half erased, and nobody will go on"
        self._waited = self._waited or all(gone)
        verified(shop, home, UNSIGNED)

    def is_done(self, shop: Workshop) -> None:
        home = shop.folder / "th"
        forgotten(shop, self._past, home)
        for key in destroyed_keys(home, shop.folder / "far"):
            assert files_with(shop.folder / "copy", key) == [], "the copy of the keystore still has a destroyed key"
        assert no_act(shop.folder)
        keys = proofs_of_erasure(home)
        assert len(keys) == len(set(keys)), "a key was destroyed twice"
        verified(shop, home)
        code, done = restored(shop, shop.folder / "before.backup", home / "keystore", shop.folder / "revived")
        assert (code, done["logs"]["verdict"]) == (3, "not provable"), done  # type: ignore[index]
        forgotten(shop, self._past, shop.folder / "revived")
        shutil.rmtree(shop.folder / "revived")

    def is_resumed(self, shop: Workshop) -> None:
        """The act was not given again; a node ran."""
        if self._waited:
            self.is_done(shop)
        else:
            assert not any(erased_exchanges(shop.folder / "th").values())


def serve_th(at: Path) -> Given:
    return "serve", "--home", at / "th"


def serve_vn(at: Path) -> Given:
    return "serve", "--home", at / "vn"


def no_act(at: Path) -> bool:
    return not list(Home(at / "th").acts.glob("[!.]*.json"))


# ---------------------------------------------------------------- 2, 3


def back_up(at: Path) -> Given:
    return "backup", "--home", at / "th", "--to", at / "offline" / "backup.pub", "--out", at / "new.backup"


def backup_is_whole(shop: Workshop) -> None:
    home = shop.folder / "again"
    code, done = restored(shop, shop.folder / "new.backup", shop.folder / "th" / "keystore", home)
    assert (code, done["logs"]["verdict"]) == (0, "proved"), done  # type: ignore[index]
    shutil.rmtree(home)


def restore(at: Path) -> Given:
    found = ("--backup", at / "before.backup", "--key", at / "offline" / "backup.key", "--keys", at / "erased/keystore")
    return "restore", *found, "--home", at / "new", *read_out(at / "vn")


def restore_far(at: Path) -> Given:
    found = ("--backup", at / "far.backup", "--key", at / "offline" / "backup.key", "--keys", at / "disks/key-copy")
    return "restore", *found, "--home", at / "new", *read_out(at / "vn")


def is_there(at: Path) -> bool:
    return (at / "new").exists()


def restore_jobs(past: Past) -> list[Job]:
    def left(shop: Workshop) -> None:
        if is_there(shop.folder):
            opens(shop.folder / "new")

    def whole(shop: Workshop) -> None:
        forgotten(shop, past, shop.folder / "new")
        verified(shop, shop.folder / "new", (3,))

    def far_is_whole(shop: Workshop) -> None:
        verified(shop, shop.folder / "new")
        found = erased_exchanges(shop.folder / "new")
        assert not any(found.values()), "content is missing"

    return [
        Job("restore", restore, whole, left, codes=frozenset({3}), is_done=is_there),
        Job("restore-far", restore_far, far_is_whole, left, is_done=is_there),
    ]


# ---------------------------------------------------------------- 4


def policy_jobs(past: Past) -> list[Job]:
    def prepare(at: Path) -> None:
        shutil.copyfile(at / "vn-2.json", Home(at / "vn").policies / INCOMING)

    def in_force(at: Path) -> bool:
        folder = Home(at / "vn").policies
        return bool(list(folder.glob("00000002-*"))) and not (folder / UNLOGGED).exists()

    def left(shop: Workshop) -> None:
        version, digest = policy_of(shop, shop.folder / "vn")
        assert past.versions[version] == digest
        verified(shop, shop.folder / "vn", UNSIGNED)

    def whole(shop: Workshop) -> None:
        assert policy_of(shop, shop.folder / "vn") == (2, past.versions[2])
        with open_home(shop.folder / "vn") as evidence:
            shown = [
                item for _, item in find_entries(evidence, "operations", Filter(kind="policy-accepted"), 100, None)
            ]
        assert {item.private["version"] for item in shown} == {1, 2}, "no entry says that it was accepted"
        verified(shop, shop.folder / "vn")

    def install(at: Path) -> Given:
        return "policy", "install", at / "vn-2.json", "--home", at / "vn"

    def brought(shop: Workshop) -> None:
        incoming = Home(shop.folder / "vn").policies / INCOMING
        assert incoming.read_bytes() == (shop.folder / "vn-2.json").read_bytes()

    return [
        Job("policy", serve_vn, whole, left, prepare, until=in_force, since="policies"),
        Job("install", install, brought, left),
    ]


# ---------------------------------------------------------------- 5, 6


def export(at: Path) -> Given:
    key = ("--key", at / "auditor" / f"{AUDITOR}.key", "--reason", "yearly audit")
    return "audit", "export", "--home", at / "th", "--out", at / "export", *key


def _check(shop: Workshop) -> tuple[int, str]:
    ran = shop.run("audit", "verify", "--export", shop.folder / "export", "--charter", shop.folder / "charter.jsonl")
    return ran.code, ran.out + ran.err


def export_left(shop: Workshop) -> None:
    """What is no whole export is refused. The manifest, which comes last and is signed, is what makes it one."""
    if (shop.folder / "export").exists():
        code, said = _check(shop)
        is_whole = (shop.folder / "export" / MANIFEST).exists()
        assert code != 0 or is_whole, f"half an export was taken for a whole one: {said}"
        assert "Traceback" not in said


def export_is_whole(shop: Workshop) -> None:
    code, said = _check(shop)
    assert code == 0, said
    verified(shop, shop.folder / "th")


def export_is_done(at: Path) -> bool:
    folder = at / "export"
    return (folder / MANIFEST).exists() and not (folder / PART).exists()


def build_index(at: Path) -> Given:
    return "index", "build", "--home", at / "vn"


def index_job(past: Past) -> Job:
    def whole(shop: Workshop) -> None:
        assert index_rows(shop, shop.folder / "vn") == past.rows

    return Job("index", build_index, whole, whole)


def upkeep_jobs(past: Past) -> list[Job]:
    jobs = [
        *Erasing(past).jobs(),
        Job("backup", back_up, backup_is_whole, is_done=lambda at: (at / "new.backup").exists()),
        *restore_jobs(past),
        *policy_jobs(past),
        Job("export", export, export_is_whole, export_left, is_done=export_is_done),
        index_job(past),
    ]
    return [replace(job, sample=2) for job in jobs]


NAMES = ["erase", "erase-resumed", "erase-serving", "backup", "restore", "restore-far", "policy", "install", "export",
         "index"]  # fmt: skip


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("names", [NAMES] if POINTS else [[name] for name in NAMES], ids="-".join)
async def test_what_keeps_erases_and_brings_back_content_is_whole_wherever_it_is_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], names: list[str]
) -> None:
    liaison = Liaison(capsys)
    async with press(tmp_path) as machine:
        past = await make_past(liaison, machine.work)
        machine.keep()
        jobs = {job.name: job for job in upkeep_jobs(past)}
        assert list(jobs) == NAMES
        told = [await tried(machine, Workshop(liaison, machine.work), jobs[name]) for name in names]
    print(*told, sep="\n")
