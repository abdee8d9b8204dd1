"""Keys are renewed and replaced while nodes run, and not one exchange fails meanwhile."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import issue, load_authority
from certs.keyfiles import create_key, key_id, public_key, spki
from certs.profile import read_leaf
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.audit.tree.checkpoint import LogKeys, parse_checkpoint, verify_checkpoint
from gateway.config import Home
from gateway.errors import Misconfigured
from gateway.host import durable
from gateway.model.exchange import Outcome
from gateway.ops.keys.requests import Asked, KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.trust.ceremony.ceremony import import_document, publish_status
from tests.support.cli import Liaison
from tests.support.exchange import CLOCK, VN, command, entries, lines, sample_world, stopping
from tests.support.nodes import World, officer
from tests.support.waiting import until

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

ASKERS = int(os.environ.get("LIAISON_ROTATION_ASKERS", "4"))
"""Officers who ask all the time, each a next question as soon as the answer has come; `make rotation` has many."""


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


class Load:
    """Questions of Thailand to Viet Nam that never stop; each must be a hit."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked = 0
        self.failed: list[str] = []

    async def ask(self) -> str:
        """Ask once; return the outcome in the officer's line."""
        found = await self._world.nodes["th"].asking.searches.start(officer("th"), command())
        line = lines(found)[VN]
        self.asked += 1
        if line.outcome is not Outcome.HIT:
            self.failed.append(f"{line.outcome}: {line}")
        return str(line.outcome)

    async def more(self, count: int = 20) -> None:
        """Wait until so many further questions were answered, and more where there are more officers."""
        goal = self.asked + count * max(1, ASKERS // 4)
        await until(lambda: self.asked >= goal, "enough further questions")


@asynccontextmanager
async def load(world: World) -> AsyncIterator[Load]:
    """Ask all the time until the block ends; then every question must have been answered."""
    made, stopped = Load(world), asyncio.Event()

    async def officer_asks() -> None:
        while not stopped.is_set():
            await made.ask()

    tasks = [asyncio.create_task(officer_asks()) for _ in range(ASKERS)]
    try:
        await made.more()
        yield made
    finally:
        stopped.set()
        await asyncio.gather(*tasks)
    print(f"{made.asked} exchanges")
    assert made.failed == []


def rotate(world: World, member: str, *files: str) -> Asked:
    """Do what `liaison cert rotate` does, beside the running node."""
    made = world.federation[member]
    return KeyDesk(Home(made.home), CLOCK).rotate(files, made.authority, None)


def assume_held(world: World, member: str, file: str) -> None:
    """Do what `liaison cert rotate --assume-held` does, unless the node knew by itself that the others hold it."""
    try:
        KeyDesk(Home(world.home(member)), CLOCK).assume_held([file])
    except Misconfigured as error:
        if error.code != "no-rotation":
            raise


async def hand_over(world: World, member: str, asked: Asked) -> None:
    """Hand documents to the other nodes, and wait until they are in force."""
    for other in world.nodes:
        if other != member:
            await asyncio.to_thread(import_document, world.home(other) / "trust", asked.documents, CLOCK)
    await until(lambda: is_held(world, member), "the new key in its use")


def is_held(world: World, member: str) -> bool:
    """Tell whether the newest keys of a member are in force at all running nodes."""
    version = world.federation[member].view().descriptor(member).version
    return all(node.resources.trust.view.descriptor(member).version == version for node in world.nodes.values())


def used(world: World, member: str, file: str) -> Callable[[], str]:
    """Return a function for the id of the key that a running node uses now."""
    keys = world.nodes[member].resources.keys
    uses: dict[str, Callable[[], str]] = {
        "statement": lambda: keys.statement.key_id,
        "tls": lambda: read_leaf(keys.tls.certificate).key_id,
        "log": lambda: LogKeys.of(keys.log).verifiers[0].key_id,
        "witness": lambda: keys.witness[0].public.key_id,
        "witness-mldsa": lambda: keys.witness[1].public.key_id,
        "agency-immigration": lambda: read_leaf(keys.issuers["vn.immigration"].certificate_der).key_id,
    }
    return uses[file]


@pytest.mark.parametrize(
    ("member", "file"),
    [
        ("th", "statement"),
        ("vn", "statement"),
        ("th", "tls"),
        ("vn", "tls"),
        ("vn", "agency-immigration"),
        ("vn", "log"),
    ],
)
async def test_no_exchange_fails_while_a_key_is_rotated(own_world: World, member: str, file: str) -> None:
    async with load(own_world) as going:
        old = used(own_world, member, file)()
        asked = await asyncio.to_thread(rotate, own_world, member, file)
        assert [step.step for step in asked.moved] == ["published"]
        await going.more()
        assert used(own_world, member, file)() == old or is_held(own_world, member), "the others do not have it yet"
        await hand_over(own_world, member, asked)
        await going.more()
        new = asked.moved[0].key_id
        await asyncio.to_thread(assume_held, own_world, member, file)
        await until(lambda: used(own_world, member, file)() == new, "the new key in its use")
        await going.more(40)
    steps = [each.private for each in entries(own_world.nodes[member], "operations") if each.entry.kind == "key"]
    assert {(step["use"], step["key"]) for step in steps} == {(file.replace("-", "/"), new)}
    made = [step["step"] for step in steps]
    assert made[-1] == "in use"
    assert made[:-1] in ([], ["switched"], ["switched", "retired"]), "the command made them, or the node was first"


async def test_heads_have_both_signatures_while_the_key_of_the_logs_is_rotated(own_world: World) -> None:
    """Whoever knows one of the two keys follows: witnesses, auditors, counterparts; and so does the next start."""
    vietnam, going = own_world.federation["vn"], Load(own_world)
    node = own_world.nodes["vn"]
    old = vietnam.key("log").verify_key()
    before = node.resources.exchange_log
    await going.ask()
    asked = await asyncio.to_thread(rotate, own_world, "vn", "log", "witness")
    await hand_over(own_world, "vn", asked)
    await asyncio.to_thread(KeyDesk(Home(vietnam.home), CLOCK).assume_held, ["log", "witness"])
    new = vietnam.key("log").verify_key()
    assert new != old
    await until(lambda: used(own_world, "vn", "log")() == new.key_id, "the new key in its use")
    await until(lambda: len(node.resources.keys.witness) == 3, "the new key in its use")
    assert await going.ask() == str(Outcome.HIT)
    for key in (old, new):
        assert verify_checkpoint(before.checkpoint, before.origin, key).size == before.size
    # a week later the old private key is deleted, and heads have one signature again
    rotations = Rotations(Home(vietnam.home))
    with rotations.locked():
        for rotation in rotations.all():
            rotations.retire(rotation)
    await until(lambda: len(parse_checkpoint(before.checkpoint).signatures) == 1, "the new key in its use")
    assert await going.ask() == str(Outcome.HIT)
    await own_world.stop("vn")
    await own_world.start("vn")
    assert await going.ask() == str(Outcome.HIT)
    assert going.failed == []


@pytest.mark.parametrize("retired", [False, True], ids=["both sign", "the old key is deleted"])
async def test_auditors_follow_a_rotated_log_key(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], retired: bool
) -> None:
    thailand, going, liaison = own_world.federation["th"], Load(own_world), Liaison(capsys)
    for _ in range(3):
        await going.ask()
    asked = await asyncio.to_thread(rotate, own_world, "th", "log")
    await hand_over(own_world, "th", asked)
    await asyncio.to_thread(KeyDesk(Home(thailand.home), CLOCK).assume_held, ["log"])
    await until(lambda: used(own_world, "th", "log")() == thailand.key("log").key_id, "the new key in its use")
    await going.ask()
    if retired:
        rotations = Rotations(Home(thailand.home))
        with rotations.locked():
            for rotation in rotations.all():
                rotations.retire(rotation)
        log = own_world.nodes["th"].resources.exchange_log
        await until(lambda: len(parse_checkpoint(log.checkpoint).signatures) == 1, "the new key in its use")
        await going.ask()
    for member in ("th", "vn"):
        await own_world.stop(member)
    for command_line in (
        ("audit", "verify", "--home", thailand.home),
        ("audit", "export", "--home", thailand.home, "--out", tmp_path / "export"),
        ("doctor", "--home", thailand.home),
    ):
        ran = await asyncio.to_thread(liaison, *command_line)
        assert "log" not in ran.err, ran.err
        assert ran.code == 0 or command_line[0] == "doctor", ran.out + ran.err
        assert "signed that" not in ran.out
    charter, fingerprint = own_world.federation.folder / "charter.jsonl", own_world.federation.fingerprint
    trusted = ("--charter", charter, "--fingerprint", fingerprint)
    verified = await asyncio.to_thread(liaison, "audit", "verify", "--export", tmp_path / "export", *trusted)
    assert verified.code in (0, 3), verified.out + verified.err
    assert "contradicted" not in verified.out
    await own_world.start("th")


async def test_officers_are_heard_while_the_key_of_their_tokens_is_rotated(own_world: World) -> None:
    home = Home(own_world.home("th"))
    certificate = home.certificate("client-cli").read_bytes()
    profile = Profile("th.o.1042", "officer", "th.blo.aranyaprathet", "police", ("INVESTIGATION",))
    tokens, shown = own_world.nodes["th"].core.tokens, read_leaf(certificate)
    before = TrialIssuer.load(home.key("token-issuer"), "th", CLOCK).issue(profile, shown.der)

    def heard(token: str) -> bool:
        return tokens.verify(token, shown.thumbprint, "cli").person == "th.o.1042"

    asked = await asyncio.to_thread(KeyDesk(home, CLOCK).rotate, ["token-issuer"], None, None)
    assert [use for use, _ in asked.waits] == ["token"]
    old = public_key(home.key("token-issuer"))
    async with asyncio.timeout(60):
        while public_key(home.key("token-issuer")) == old:
            assert heard(TrialIssuer.load(home.key("token-issuer"), "th", CLOCK).issue(profile, shown.der))
            await asyncio.sleep(0.2)
    assert heard(TrialIssuer.load(home.key("token-issuer"), "th", CLOCK).issue(profile, shown.der))
    assert heard(before)


async def test_a_start_right_after_the_switch_knows_the_heads_of_the_old_key(own_world: World) -> None:
    vietnam, going = own_world.federation["vn"], Load(own_world)
    await going.ask()
    asked = await asyncio.to_thread(rotate, own_world, "vn", "log")
    await hand_over(own_world, "vn", asked)
    await own_world.stop("vn")
    await asyncio.to_thread(KeyDesk(Home(vietnam.home), CLOCK).assume_held, ["log"])
    await own_world.start("vn")
    assert await going.ask() == str(Outcome.HIT)
    held = own_world.nodes["vn"].resources.exchange_log
    assert [
        head.size for head in map(parse_checkpoint, own_world.nodes["vn"].resources.store.checkpoints(held.store_name))
    ]


async def test_the_running_node_switches_by_itself_when_all_hold_the_descriptor(own_world: World) -> None:
    async with load(own_world) as going:
        asked = await asyncio.to_thread(rotate, own_world, "th", "statement")
        await until(lambda: used(own_world, "th", "statement")() == asked.moved[0].key_id, "the new key in its use")
        await going.more()
    steps = [each.private for each in entries(own_world.nodes["th"], "operations") if each.entry.kind == "key"]
    assert [step["step"] for step in steps] == ["switched", "retired", "in use"]


async def test_after_a_removal_the_next_question_works_with_the_new_key(own_world: World) -> None:
    """`liaison trust revoke --key statement`, then `liaison cert rotate statement --authority …`."""
    going = Load(own_world)
    vietnam = own_world.federation["vn"]
    old = vietnam.key("statement").key_id
    data = await asyncio.to_thread(lambda: publish_status(vietnam.home, CLOCK, removed=[old]))
    await asyncio.to_thread(import_document, own_world.home("th") / "trust", data, CLOCK)
    await until(lambda: old in _removed(own_world, "th"), "the new key in its use")
    assert await going.ask() != str(Outcome.HIT)
    asked = await asyncio.to_thread(rotate, own_world, "vn", "statement")
    assert [step.step for step in asked.moved] == ["published", "switched", "retired"]
    await until(lambda: used(own_world, "vn", "statement")() == asked.moved[0].key_id, "the new key in its use")
    await hand_over(own_world, "vn", asked)
    assert await going.ask() == str(Outcome.HIT)


def _removed(world: World, member: str) -> tuple[str, ...]:
    status = world.nodes[member].resources.trust.view.status("vn")
    return status.removed if status else ()


async def test_a_renewed_certificate_is_used_without_a_restart(own_world: World) -> None:
    """CASE-A17 at both ports: towards counterparts, and towards our own systems."""
    vietnam = own_world.federation["vn"]
    node = own_world.nodes["vn"]
    async with load(own_world) as going:
        before = vietnam.certificate("tls")
        asked = await asyncio.to_thread(KeyDesk(Home(vietnam.home), CLOCK).renew, ["tls"], vietnam.authority, None)
        assert asked.version == 2
        assert vietnam.certificate("tls") != before
        await until(lambda: node.resources.keys.tls.certificate == vietnam.certificate("tls"), "the new key in its use")
        await going.more()
    host, port = node.addresses["exchange"].rsplit(":", 1)
    shown = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
    assert shown.encode().strip() == vietnam.certificate("tls").strip()


@pytest.mark.parametrize("member", [pytest.param("th", marks=[pytest.mark.small_form]), "vn"])
async def test_a_node_with_an_online_ca_renews_its_certificate_by_itself(own_world: World, member: str) -> None:
    made, node = own_world.federation[member], own_world.nodes[member]
    keys, home = node.resources.keys, Home(made.home)
    async with load(own_world) as going:
        asked = await asyncio.to_thread(KeyDesk(home, CLOCK).make_online_ca, made.authority, None)
        await hand_over(own_world, member, asked)
        await going.more()
        assert not home.exchange_certificate.exists(), "its certificate has more than a month"
        public, leaf = public_key(home.key("tls")), read_leaf(made.certificate("tls"))
        assert isinstance(public, ec.EllipticCurvePublicKey)
        ending = issue(load_authority(made.authority), public, leaf.name, CLOCK, days=20)
        await asyncio.to_thread(durable.replace, home.certificate("tls"), ending, durable.PUBLIC)
        await until(lambda: keys.exchange.certificate not in (ending, keys.tls.certificate), "the new key in its use")
        assert keys.tls.certificate == ending
        await going.more(40)
        host, port = node.addresses["exchange"].rsplit(":", 1)
        shown = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
        assert shown.encode().strip() == keys.exchange.certificate.strip()
        gone = key_id(spki(public_key(home.key("online-ca"))))
        status = await asyncio.to_thread(publish_status, home.path, CLOCK, removed=[gone])
        await until(lambda: keys.exchange.certificate == ending, "the new key in its use")
        for other in own_world.nodes:
            if other != member:
                await asyncio.to_thread(import_document, own_world.home(other) / "trust", status, CLOCK)
        await going.more(40)
    steps = [each.private["step"] for each in entries(node, "operations") if each.entry.kind == "key"]
    assert [step for step in steps if step != "in use"] == ["renewed", "dropped"]
    assert steps[-1] == "in use"


async def test_a_key_that_is_not_listed_is_not_taken_up(own_world: World, tmp_path: Path) -> None:
    """Somebody puts another key into the folder: with it every counterpart would refuse this node."""
    home = Home(own_world.home("th"))
    old = used(own_world, "th", "statement")()
    create_key(tmp_path / "other.key")
    kept = home.key("statement").read_bytes()
    (tmp_path / "other.key").replace(home.key("statement"))
    node = own_world.nodes["th"]
    await until(
        lambda: "keys:" in str([each.private for each in entries(node, "operations")]), "the new key in its use"
    )
    assert used(own_world, "th", "statement")() == old
    assert await Load(own_world).ask() == str(Outcome.HIT)
    home.key("statement").write_bytes(kept)
