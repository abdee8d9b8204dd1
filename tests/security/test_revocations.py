"""CASE-D12: officers and tokens that the identity provider revoked are refused at once, over real TLS."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from certs.keyfiles import create_key
from certs.names import CertificateName, CertificateUse
from gateway.agency.officer_tokens.issuer import TRIAL_KEY, Profile
from gateway.agency.officer_tokens.revocations import FILE, FROZEN, MAX_LIST, TYPE, Revocations
from gateway.agency.officer_tokens.tokens import audience
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, Malformed, Stale, TooLarge, Unauthenticated
from gateway.signing.jws import ALGORITHM
from tests.security.test_rest_limits import post
from tests.support.rest import MEMBER, OFFICER, SNI, Rest, StoredSearches, rest_api

CLOCK = SystemClock()
OTHER = Profile("th.o.7", "officer", "th.blo.x", "police", ("BORDER_CHECK",))


def signed(key: Any, *, persons: Any = (), tokens: Any = (), issued: int = 0, kind: str = TYPE, **claims: Any) -> bytes:
    now = issued or CLOCK.now_us() // 1_000_000
    body = {"aud": audience(MEMBER), "iat": now, "exp": now + 3_600, "persons": list(persons), "tokens": list(tokens)}
    return jwt.encode(body | claims, key, ALGORITHM, headers={"typ": kind, "kid": TRIAL_KEY}).encode()


def of(rest: Rest, **claims: Any) -> bytes:
    return signed(rest.issuer._key, **claims)


async def put(rest: Rest, data: bytes, name: str = "idp") -> httpx2.Response:
    if not (rest.folder / f"{name}.pem").exists():
        rest.certify(name, CertificateName(MEMBER, CertificateUse.CLIENT, name))
    async with rest.client(name) as client:
        return await client.put("/v1/revocations", content=data, extensions=SNI)


async def test_d12_a_person_and_a_token_are_refused_from_the_next_call_on(tmp_path: Path) -> None:
    async with rest_api(tmp_path, StoredSearches()) as rest, rest.client() as client:
        first, again, other = rest.bearer(), rest.bearer(), rest.bearer(OTHER)
        assert [(await post(client, each)).status_code for each in (first, again, other)] == [200, 200, 200]
        digest = hashlib.sha256(first["authorization"].partition(" ")[2].encode()).hexdigest()
        assert (await put(rest, of(rest, tokens=[digest]))).status_code == 204
        refused = await post(client, first)
        assert (refused.status_code, refused.json()["code"]) == (401, "token-revoked")
        assert (await post(client, again)).status_code == 200
        later = CLOCK.now_us() // 1_000_000 + 2
        assert (await put(rest, of(rest, persons=[OFFICER.person], issued=later))).status_code == 204
        assert (await post(client, again)).json()["code"] == "token-revoked"
        assert (await post(client, rest.bearer())).json()["code"] == "token-revoked"
        assert (await post(client, other)).status_code == 200


async def test_d12_a_stream_of_events_and_a_search_under_way_end_with_the_officer(tmp_path: Path) -> None:
    searches = StoredSearches()
    async with rest_api(tmp_path, searches) as rest, rest.client() as client:
        bearer = rest.bearer()
        search = (await post(client, bearer)).json()["id"]
        path, headers = f"/v1/searches/{search}", bearer | {"accept": "text/event-stream"}
        async with client.stream("GET", path, headers=headers, extensions=SNI) as events:
            parts = events.aiter_text()
            assert "event: search" in await anext(parts)
            await put(rest, of(rest, persons=[OFFICER.person]))
            searches.release.set()  # a late answer comes, and is not shown
            left = "".join([part async for part in parts])
        assert "event:" not in left


async def test_a_stream_of_events_ends_with_its_token(tmp_path: Path) -> None:
    searches, clock = StoredSearches(), ManualClock(CLOCK.now())
    async with rest_api(tmp_path, searches, clock) as rest, rest.client() as client:
        bearer = rest.bearer()
        search = (await post(client, bearer)).json()["id"]
        path, headers = f"/v1/searches/{search}", bearer | {"accept": "text/event-stream"}
        async with client.stream("GET", path, headers=headers, extensions=SNI) as events:
            parts = events.aiter_text()
            assert "event: search" in await anext(parts)
            clock.advance(timedelta(hours=1))
            searches.release.set()  # a late answer comes, and is not shown
            left = "".join([part async for part in parts])
        assert "event:" not in left


async def test_d12_an_answer_is_not_shown_to_an_officer_who_was_revoked_while_it_was_waited_for(tmp_path: Path) -> None:
    class Slow(StoredSearches):
        async def start(self, officer: Any, command: Any) -> Any:
            waiting.set()
            await go.wait()
            return await super().start(officer, command)

    waiting, go = asyncio.Event(), asyncio.Event()
    async with rest_api(tmp_path, Slow()) as rest, rest.client() as client:
        asking = asyncio.create_task(post(client, rest.bearer()))
        await waiting.wait()
        await put(rest, of(rest, persons=[OFFICER.person]))
        go.set()
        refused = await asking
        assert (refused.status_code, refused.json()["code"]) == (401, "token-revoked")


async def test_d12_only_the_identity_providers_system_sends_a_list_and_only_a_listed_key_signs_it(
    tmp_path: Path,
) -> None:
    async with rest_api(tmp_path, StoredSearches()) as rest, rest.client() as client:
        good = of(rest, persons=[OFFICER.person])
        assert (await put(rest, good, "records-desk")).json()["code"] == "not-the-provider"
        foreign = create_key(tmp_path / "foreign.key")
        assert (await put(rest, signed(foreign, persons=[OFFICER.person]))).json()["code"] == "token-signature"
        assert (await put(rest, b"x" * (MAX_LIST + 1))).status_code == 413
        assert (await post(client, rest.bearer())).status_code == 200
        assert (await put(rest, good)).status_code == 204
        assert (await post(client, rest.bearer())).status_code == 401


@pytest.fixture
def key(tmp_path: Path) -> Any:
    return create_key(tmp_path / "idp.key")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CLOCK.now())


def held(folder: Path, key: Any, clock: ManualClock, source: Path | None = None, **more: Any) -> Revocations:
    return Revocations(MEMBER, folder, lambda: {TRIAL_KEY: key.public_key()}, clock, source, **more)


def is_revoked(revoked: Revocations, person: str) -> bool:
    try:
        revoked.refuse(person, bytes(32))
    except Unauthenticated:
        return True
    return False


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "liaison:vn"}, Malformed),
        ({"more": 1}, Malformed),
        ({"persons": [1]}, Malformed),
        ({"persons": ["TH O 1"]}, Malformed),
        ({"tokens": ["ab"]}, Malformed),
        ({"exp": 1}, Malformed),
        ({"iat": True}, Malformed),
        ({"kind": "liaison-officer+jwt"}, Unauthenticated),
    ],
)
def test_d12_a_list_that_is_not_whole_changes_nothing(
    tmp_path: Path, key: Any, clock: ManualClock, claims: dict[str, Any], error: type[LiaisonError]
) -> None:
    revoked = held(tmp_path, key, clock)
    revoked.take(signed(key, persons=["th.o.1"], issued=clock.now_us() // 1_000_000 - 60))
    with pytest.raises(error):
        revoked.take(signed(key, **claims))
    with pytest.raises(TooLarge):
        revoked.take(b"a" * (MAX_LIST + 1))
    assert is_revoked(revoked, "th.o.1")


def test_d12_an_older_list_and_one_from_tomorrow_bring_nobody_back(
    tmp_path: Path, key: Any, clock: ManualClock
) -> None:
    revoked, now = held(tmp_path, key, clock), clock.now_us() // 1_000_000
    revoked.take(signed(key, persons=["th.o.1"], issued=now - 60))
    for issued in (now - 61, now - 60, now + 3_600):
        with pytest.raises(Stale):
            revoked.take(signed(key, issued=issued))
    assert is_revoked(revoked, "th.o.1")
    revoked.take(signed(key, issued=now))
    assert not is_revoked(revoked, "th.o.1")


def test_d12_a_file_is_in_force_in_the_next_round_in_every_process_and_after_a_restart(
    tmp_path: Path, key: Any, clock: ManualClock
) -> None:
    home, source = tmp_path / "home", tmp_path / "idp" / "list.jwt"
    home.mkdir()
    source.parent.mkdir()
    one, other = held(home, key, clock, source), held(home, key, clock)
    one.start()
    source.write_bytes(signed(key, persons=["th.o.1"]) + b"\n")
    (entry,) = one.round()
    assert (entry.kind, entry.private["persons"]) == ("revocations", 1)
    assert b"th.o.1" not in json.dumps(entry.private).encode()
    assert list(other.round())
    assert is_revoked(one, "th.o.1")
    assert is_revoked(other, "th.o.1")
    source.write_bytes(b"rubbish")
    assert [entry.private["code"] for entry in one.round()] == ["revocations-refused"]
    assert list(one.round()) == []
    again = held(home, key, clock)
    again.start()
    assert is_revoked(again, "th.o.1")
    assert (home / FILE).stat().st_mode & 0o077 == 0


def test_d12_where_a_list_is_demanded_no_token_counts_without_one_that_is_in_its_time(
    tmp_path: Path, key: Any, clock: ManualClock
) -> None:
    revoked = held(tmp_path, key, clock, required=True)
    assert is_revoked(revoked, "th.o.2")
    revoked.take(signed(key, persons=["th.o.1"]))
    assert not is_revoked(revoked, "th.o.2")
    clock.advance(timedelta(seconds=3_601))
    assert is_revoked(revoked, "th.o.2")
    undemanded = held(tmp_path, key, clock)
    undemanded.start()
    assert is_revoked(undemanded, "th.o.1"), "a list that is over still revokes"
    assert not is_revoked(undemanded, "th.o.2")


def test_frozen_accounts_are_refused_beside_the_list_and_by_commands_without_a_node(
    tmp_path: Path, key: Any, clock: ManualClock
) -> None:
    revoked = held(tmp_path, key, clock)
    revoked.freeze(frozenset())
    assert not (tmp_path / FROZEN).exists(), "nothing is written where nothing is frozen"
    revoked.take(signed(key, persons=["th.o.1"], issued=clock.now_us() // 1_000_000))
    revoked.freeze(frozenset({"th.o.2"}))
    assert [is_revoked(revoked, f"th.o.{number}") for number in (1, 2, 3)] == [True, True, False]
    revoked.take(signed(key, issued=clock.now_us() // 1_000_000 + 1))
    assert [is_revoked(revoked, f"th.o.{number}") for number in (1, 2, 3)] == [False, True, False], "another list"

    command = held(tmp_path, key, clock)
    assert not is_revoked(command, "th.o.2")
    command.read_frozen()
    assert is_revoked(command, "th.o.2")
    revoked.freeze(frozenset())
    command.read_frozen()
    assert not is_revoked(command, "th.o.2")
    for damaged in (b"", b"{", b'{"th.o.2": 1}', b'["TH O"]', b"[1]", b"null"):
        (tmp_path / FROZEN).write_bytes(damaged)
        with pytest.raises(LiaisonError) as caught:
            command.read_frozen()
        assert caught.value.code == "bad-frozen"
