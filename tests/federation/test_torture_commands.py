"""Commands that are killed, fail or lose power at a write, a sync, or a file that comes and goes (CASE-H1, CASE-H2).

Whatever happens at such a call, the same command given again does all of its work, and what it leaves is whole: keys,
charter, descriptors, switches, logs; those that keep, erase, bring back and show content have `test_torture_upkeep`.
The tests take `LIAISON_FAULTS` calls of each command for each of a few faults (0: every call and every fault, as `make
faults` does).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.audit.reading.show import Filter
from gateway.clock import SystemClock
from gateway.config import Home, Suspensions
from gateway.config.suspensions import Action
from gateway.ops.acts.switches import history, logged_switches
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home
from gateway.storage.documents.document_store import SqlDocumentStore
from tests.support.cli import Liaison, found_federation
from tests.support.persons import administrator
from tests.support.torture_commands import Given, Job, Workshop, free_ports, plan_name, plans, press, tried

pytestmark = pytest.mark.small_form


def init(at: Path) -> Given:
    return "init", "--member", "la", "--home", at / "la", "--authority", at / "la-authority", "--agency", "police"


def init_is_whole(shop: Workshop) -> None:
    assert '"home": []' in shop.ok(*init(shop.folder), "--json")
    keys = [*shop.folder.glob("la/keys/*.key"), *shop.folder.glob("la-authority/*.key")]
    certificates = [*shop.folder.glob("la/keys/*.pem"), *shop.folder.glob("la*/ca.pem")]
    assert len(keys) > 8
    assert len(certificates) > 4
    for key in keys:
        load_pem_private_key(key.read_bytes(), None)
    for certificate in certificates:
        x509.load_pem_x509_certificates(certificate.read_bytes())


def sign(at: Path) -> Given:
    return "trust", "sign", at / "next.json", "--authority", at / "vn-authority"


def sign_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "sign", shop.folder / "next.json", "--authority", shop.folder / "th-authority")
    for member in ("th", "vn"):
        shop.ok("trust", "accept", shop.folder / "next.json", "--home", shop.folder / member)


def publish(at: Path) -> Given:
    return "trust", "publish", "--home", at / "th", "--authority", at / "th-authority", "--out", at / "published.jsonl"


def publish_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "accept", shop.folder / "published.jsonl", "--home", shop.folder / "vn")
    shop.ok("trust", "show", "--home", shop.folder / "th", "--json")


def accept(at: Path) -> Given:
    return "trust", "accept", at / "renewed.jsonl", "--home", at / "vn"


def accept_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "show", "--home", shop.folder / "vn", "--json")


def suspend(at: Path) -> Given:
    return "suspend", "--home", at / "th", "--peer", "vn", "--reason", "trial"


def suspend_is_whole(shop: Workshop) -> None:
    home = shop.folder / "th"
    shop.ok("resume", "--home", home, "--peer", "vn", "--reason", "trial over", *administrator(home))
    assert (
        "not switched off" in shop.liaison("resume", "--home", shop.folder / "th", "--peer", "vn", "--reason", "x").out
    )


def resume(at: Path) -> Given:
    return "resume", "--home", at / "vn", "--peer", "th", "--reason", "trial over", *administrator(at / "vn")


def resume_is_whole(shop: Workshop) -> None:
    home = shop.folder / "vn"
    assert Suspensions(Home(home).suspensions, SystemClock().monotonic).active == {}
    with open_home(home) as evidence:
        kinds = [item.entry.kind for _, item in find_entries(evidence, "operations", Filter(), 100, None)]
        documents = SqlDocumentStore(evidence.database, evidence.keys, SystemClock())
        proved = logged_switches(documents)
    lines = history(Home(home))
    assert all(line.is_in(proved) for line in lines), "a line switches on without its entry"
    assert kinds.count("suspend") == 1
    assert kinds.count("resume") >= len([line for line in lines if line.action is Action.RESUME]) >= 1
    shop.ok("audit", "verify", "--home", home)


def serve(at: Path) -> Given:
    return "serve", "--home", at / "vn"


def serve_is_whole(shop: Workshop) -> None:
    shop.ok("audit", "verify", "--home", shop.folder / "vn")


JOBS = [
    Job("init", init, init_is_whole),
    Job("sign", sign, sign_is_whole),
    Job("publish", publish, publish_is_whole),
    Job("accept", accept, accept_is_whole),
    Job("suspend", suspend, suspend_is_whole),
    Job("resume", resume, resume_is_whole),
    Job("serve", serve, serve_is_whole),
]


def make_homes(liaison: Liaison, folder: Path) -> None:
    """Members `th` and `vn`, a second charter to be signed, a renewed status to be accepted."""
    folder.mkdir()
    found_federation(liaison, folder, ("th", "vn"))
    for home in (folder / "th", folder / "vn"):
        free_ports(home)
    shop = Workshop(liaison, folder)
    shop.ok("trust", "publish", "--home", folder / "th", "--out", folder / "renewed.jsonl")
    shop.ok("suspend", "--home", folder / "vn", "--peer", "th", "--reason", "trial")
    cards = [folder / "th-authority", folder / "vn-authority"]
    before = ("--previous", folder / "charter.json", "--threshold", "2", "--out", folder / "next.json")
    shop.ok("trust", "draft", *before, *cards)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("jobs", plans(JOBS), ids=plan_name)
async def test_a_command_that_is_cut_off_anywhere_does_all_of_its_work_when_it_is_given_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: list[Job]
) -> None:
    liaison = Liaison(capsys)
    async with press(tmp_path) as machine:
        make_homes(liaison, machine.work)
        machine.keep()
        told = [await tried(machine, Workshop(liaison, machine.work), job) for job in jobs]
    print(*told, sep="\n")
