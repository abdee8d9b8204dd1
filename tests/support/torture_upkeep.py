"""A federation with a past, for commands that keep, erase, bring back and show content: `test_torture_upkeep`.

`th` has asked, one exchange is to be forgotten, its keystore has a copy on another disk, and there are backups from
before an erasure. `vn` has a policy of version 1 in force, and one of version 2 that two approvers signed. An auditor
of `th` is appointed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway.app.run.node import build_node
from gateway.audit.acts.table import ActKind
from gateway.audit.reading.show import Filter
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.model.query import DocumentQuery
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home
from gateway.ops.policy.keeper import INCOMING, PolicyKeeper, policy_files
from gateway.ops.retention.forget_plan import draft_entries, exchange_entries
from gateway.signing.keys import load_signing_key
from gateway.storage.keys.key_copy import keep_in_step
from gateway.storage.keys.keystore import DESTROYED
from gateway.trust.documents.charter import charter_fingerprint
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.policy_approval import seal_policy
from tests.support.cli import Liaison
from tests.support.erasing import files_with
from tests.support.exchange import CLOCK, PASSPORT, VN, command, lines, sample_world
from tests.support.nodes import World, officer, running
from tests.support.persons import person_key, signed
from tests.support.policies import BASE, NATIONAL
from tests.support.ports import free_port
from tests.support.torture_commands import Workshop

CANARY = "XK7719402251"
AUDITOR = "th.auditor.1"
_CLOSED = '@id("vn-closed")\n@code("policy-denies")\nforbid (principal, action == Action::"answer", resource);\n'


@dataclass(frozen=True)
class Past:
    """The exchanges that were asked, to be forgotten or kept."""

    forgotten: tuple[str, ...]
    kept: str
    versions: dict[int, str]
    """Hashes of the policies of `vn`."""
    rows: dict[str, int]
    """Records in the key indexes of `vn`."""


async def make_past(liaison: Liaison, folder: Path) -> Past:
    """Make all of it below `folder`; absolute paths in the homes lead there."""
    world = sample_world(folder, ("th", "vn"))
    shop = Workshop(liaison, folder)
    for member in ("th", "vn"):
        file = Home(world.home(member)).settings
        file.write_text(file.read_text().replace(":0", f":{free_port()}", 1))
    shop.ok("audit", "key", "--out", folder / "auditor", "--name", AUDITOR)
    public = ("--key", folder / "auditor" / f"{AUDITOR}.pub", "--by", "the auditor general")
    thai = ("--home", world.home("th"), "--authority", world.federation["th"].authority)
    shop.ok("audit", "appoint", *thai, "--auditor", AUDITOR, *public, "--out", folder / "appointment.json")
    hashes = _sign_policies(shop, world)
    async with running(world, ("th", "vn")):
        first = await _ask(world, DocumentQuery(CANARY, "VNM"))
        second, kept = await _ask(world, PASSPORT), await _ask(world, DocumentQuery("XK1000000001", "VNM"))
    past = Past((first, second), kept, hashes, index_rows(shop, world.home("vn")))
    _fork_homes(shop, past)
    return past


async def _ask(world: World, query: DocumentQuery) -> str:
    search = await world.nodes["th"].asking.searches.start(officer("th"), command(query))
    assert lines(search)[VN].outcome in (Outcome.HIT, Outcome.NO_HIT)
    return lines(search)[VN].exchange_id


def _sign_policies(shop: Workshop, world: World) -> dict[int, str]:
    home, keys, draft = world.home("vn"), shop.folder / "approvers", shop.folder / "draft"
    for name in ("a", "b"):
        shop.ok("policy", "approver", "--out", keys, "--name", name)
        shop.ok("policy", "admit", keys / f"{name}.pub", "--home", home)
    shop.ok("trust", "publish", "--home", home, "--authority", world.federation["vn"].authority)
    shutil.copytree(NATIONAL / "vn", draft)
    signers, hashes = [load_signing_key(keys / f"{name}.key") for name in ("a", "b")], {}
    for version in (1, 2):
        if version == 2:
            (draft / "closed.cedar").write_text(_CLOSED)
        data = seal_policy(MemberId("vn"), version, policy_files(BASE, draft), signers)
        (shop.folder / f"vn-{version}.json").write_bytes(data)
        hashes[version] = _hash_of(shop.folder / "trial", home, data, version)
    shop.ok("policy", "install", shop.folder / "vn-1.json", "--home", home)
    return hashes


def _hash_of(trial: Path, home: Path, data: bytes, version: int) -> str:
    """The hash under which a node would know the policy."""
    shutil.copytree(home, trial)
    Home(trial).policies.mkdir(exist_ok=True)
    (Home(trial).policies / INCOMING).write_bytes(data)
    keeper = PolicyKeeper(load_settings(trial), CLOCK, production=False)
    keeper.refresh()
    assert keeper.version == version
    shutil.rmtree(trial)
    return keeper.engine.hash.hex()


def _fork_homes(shop: Workshop, past: Past) -> None:
    """Make backups, a home without an erased exchange, a waiting act, a home with disks of its own, and a key copy."""
    folder, home = shop.folder, shop.folder / "th"
    shop.ok("backup", "--new-key", folder / "offline")
    back_up(shop, home, folder / "before.backup")
    shutil.copytree(home, folder / "erased")
    erase = [text for wanted in past.forgotten for text in ("--exchange", wanted)]
    shop.ok("audit", "erase", "--home", folder / "erased", *erase, *signed(home))
    shutil.copytree(home, folder / "far")
    _to_other_disks(folder / "far", folder / "disks")
    back_up(shop, folder / "far", folder / "far.backup")
    (folder / "disks" / "node.sqlite").unlink()
    (folder / "disks" / "keys").rename(folder / "disks" / "key-copy")
    with open_home(home) as evidence:
        places: dict[str, list[int]] = {}
        for wanted in past.forgotten:
            for log, indexes in exchange_entries(evidence, wanted).items():
                places.setdefault(log, []).extend(indexes)
    keys = [person_key(home, name) for name in ("data1", "data2")]
    data = draft_entries(home, places, "entry", "asked in error", "", keys)
    Mailbox(folder / "act").give(Order(ActKind.ERASE_ENTRIES, document=data.decode()))
    (folder / "copy").mkdir(mode=0o700)
    keep_in_step(load_settings(home).keystore, folder / "copy", Home(home).key_copied)
    _add(home, f'[storage]\nkey_copy = "{folder / "copy"}"\n')


def _to_other_disks(home: Path, disks: Path) -> None:
    disks.mkdir()
    (home / "node.sqlite").rename(disks / "node.sqlite")
    (home / "keystore").rename(disks / "keys")
    _add(home, f'[storage]\nurl = "sqlite:///{disks / "node.sqlite"}"\nkeystore = "{disks / "keys"}"\n')


def _add(home: Path, text: str) -> None:
    with Home(home).settings.open("a", encoding="utf-8") as file:
        file.write(text)


def back_up(shop: Workshop, home: Path, out: Path) -> None:
    """Make a backup on a good disk."""
    shop.ok("backup", "--home", home, "--to", shop.folder / "offline" / "backup.pub", "--out", out)


# ---------------------------------------------------------------- what must be true


def verified(shop: Workshop, home: Path, codes: tuple[int, ...] = (0,)) -> None:
    """Check that the home opens and its logs verify: entries, heads, proofs and statements.

    These are INVARIANT-1, INVARIANT-2, INVARIANT-3 and INVARIANT-5.
    """
    ran = shop.run("audit", "verify", "--home", home)
    assert ran.code in codes, ran.out + ran.err


def erased_exchanges(home: Path) -> dict[str, bool]:
    """Exchanges of a home, and whether all of their content is gone."""
    found: dict[str, bool] = {}
    with open_home(home) as evidence:
        for _, shown in find_entries(evidence, "exchange", Filter(), 10_000, None):
            found[shown.entry.exchange_id] = bool(shown.erased) and found.get(shown.entry.exchange_id, True)
    return found


def forgotten(shop: Workshop, past: Past, home: Path) -> None:
    """Check that the exchanges to be forgotten are gone, with the bytes of their keys, and that the rest is there."""
    found = erased_exchanges(home)
    assert {wanted: found[wanted] for wanted in past.forgotten} == dict.fromkeys(past.forgotten, True)
    assert not found[past.kept], "what was to be kept is gone"
    assert files_with(home, CANARY.encode()) == []
    for key in destroyed_keys(home, shop.folder / "far"):
        assert files_with(home, key) == [], "a destroyed key is still there"


def destroyed_keys(home: Path, other: Path) -> list[bytes]:
    """The bytes that keys had before a home destroyed them, as another home still has them."""
    keystore, kept = load_settings(home).keystore, load_settings(other).keystore.with_name("key-copy")
    gone = [path.relative_to(keystore) for path in keystore.glob("*/*.key") if path.read_bytes() == DESTROYED]
    found = [(kept / name).read_bytes() for name in gone if (kept / name).exists()]
    assert found, "no key was destroyed"
    return found


def proofs_of_erasure(home: Path) -> list[str]:
    """Keys that the log says were destroyed."""
    with open_home(home) as evidence:
        shown = [item for _, item in find_entries(evidence, "operations", Filter(kind="key-destroyed"), 10_000, None)]
    return [str(item.private["key_id"]) for item in shown]


def read_out(home: Path) -> tuple[str, str]:
    """The fingerprint that a restore asks for, as a counterpart reads it out."""
    return "--fingerprint", charter_fingerprint(TrustDocuments(Home(home).trust).charter_versions()[0])


def restored(shop: Workshop, backup: Path, keys: Path, home: Path) -> tuple[int, dict[str, object]]:
    """Restore on a good disk."""
    key = shop.folder / "offline" / "backup.key"
    pin = read_out(shop.folder / "vn")
    ran = shop.run("restore", "--backup", backup, "--key", key, "--home", home, "--keys", keys, *pin, "--json")
    return ran.code, json.loads(ran.out)


def policy_of(shop: Workshop, home: Path) -> tuple[int, str]:
    """Version and hash of the policy that a home holds."""
    held = json.loads(shop.ok("policy", "status", "--home", home, "--json"))
    return held["version"], held["hash"]


def index_rows(shop: Workshop, home: Path) -> dict[str, int]:
    """Records in the key index of each source of a home."""
    found = json.loads(shop.ok("index", "status", "--home", home, "--json"))
    return {one["source"]: one["rows"] for one in found["sources"]}


def opens(home: Path) -> None:
    """Check that a node would start over the home."""
    ground = build_node(load_settings(home), production=False).resources
    ground.exchange_log.abandon()
    ground.operations_log.abandon()
    ground.database.close()
