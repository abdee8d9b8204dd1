"""Draft and sign acts at a home, and let a second person sign on another machine."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.acts.act import ACT_TYPE, LIFE_US, Act, Proved, act_hash, parse_act, sign_act
from gateway.audit.acts.table import ActKind, rule_of
from gateway.clock import SystemClock, rfc3339
from gateway.config import Home, argument, load_settings
from gateway.errors import Forbidden, LiaisonError
from gateway.model.names import member_id
from gateway.ops.acts.mailbox import account_name
from gateway.ops.acts.prove import HomeTrust
from gateway.ops.homes.documents import ACT, read_document
from gateway.signing.dsse import add_signature, parse_document
from gateway.signing.keys import SigningKey, load_signing_key


def draft_act(
    trust: HomeTrust,
    kind: ActKind,
    reason: str,
    detail: Mapping[str, Any],
    keys: Sequence[SigningKey],
    *,
    reference: str = "",
    name: str = "",
) -> bytes:
    """Return a new act for this home with a signature of each of `keys`. Raises `Malformed`, `Misconfigured`."""
    now_us = trust.clock.now_us()
    act = Act(
        kind=kind,
        member=trust.member,
        federation=trust.federation,
        reason=reason,
        issued_us=now_us,
        detail=detail,
        reference=reference,
        expires_us=now_us + LIFE_US,
        id=name or secrets.token_hex(16),
    )
    return sign_act(act, keys)


def draft(
    folder: Path,
    kind: ActKind,
    reason: str,
    detail: Mapping[str, Any],
    key_files: Sequence[KeyPlace],
    reference: str = "",
) -> bytes:
    """Return a new act for the home in `folder`, signed with the keys in these files.

    Raises `Forbidden` with the commands that help where no key is given.
    """
    home = Home(load_settings(folder).home)
    if not key_files:
        raise proof_needed(kind, home)
    keys = [load_signing_key(file) for file in dict.fromkeys(key_files)]
    return draft_act(trust_of(home), kind, reason, detail, keys, reference=reference)


def proof_needed(kind: ActKind, home: Home) -> Forbidden:
    """Return the error for an unsigned act, with the commands that lead to a signature."""
    rule = rule_of(kind)
    roles = " or ".join(sorted(rule.roles))
    return Forbidden(
        "`{kind}` needs {persons} signature{other_persons} of {roles}",
        code="proof-needed",
        where="--key",
        remedy="{advice}",
        kind=kind,
        persons=rule.persons,
        other_persons="s" if rule.persons > 1 else "",
        roles=roles,
        advice=_remedy(kind, home),
    )


def prove_here(
    folder: Path, kind: ActKind, reason: str, detail: Mapping[str, Any], key_files: Sequence[KeyPlace]
) -> tuple[Act, Proved]:
    """Return a new act for the home in `folder` and its proof, for a command that carries it out itself.

    Raises `Forbidden`, `BadSignature`, `Malformed`, `Misconfigured`.
    """
    data = draft(folder, kind, reason, detail, key_files)
    home = Home(load_settings(folder).home)
    with helped(kind, home):
        act, proved = trust_of(home).verify(data)
    return act, replace(proved, account=account_name(os.getuid()), order=act.id)


@contextmanager
def helped(kind: ActKind, home: Home) -> Iterator[None]:
    """Add to an error about missing signatures the commands that lead to them."""
    try:
        yield
    except LiaisonError as error:
        if error.code == "below-threshold":
            error.remedy = error.remedy or _remedy(kind, home)
        raise


def _remedy(kind: ActKind, home: Home) -> str:
    rule, place = rule_of(kind), argument(home.path)
    sign = " ".join(f"--key {name}.key" for name in ("ONE", "TWO")[: rule.persons])
    try:
        listed = trust_of(home).persons()
    except LiaisonError:
        listed = []
    if len([person for person in listed if person.role in rule.roles]) >= rule.persons:
        return f"give {sign}: the keys whose public keys the descriptor lists"
    role = min(rule.roles)
    return (
        f"have a person listed: liaison trust person --use {role} --out keys --name NAME; liaison trust admit "
        f"keys/NAME.pub --use {role} --home {place}; liaison trust publish --home {place} --authority ADIR; "
        f"then give {sign}"
    )


def trust_of(home: Home) -> HomeTrust:
    """Return the trust of a home, by the system's clock. Raises `Misconfigured` where it has no settings."""
    return HomeTrust(home, member_id(load_settings(home.path).node.member), SystemClock())


def add_person(file: Path, key_file: KeyPlace) -> bytes:
    """Return the act in `file` with one more person's signature. Raises `Forbidden` where it has that one already."""
    data = read_document(file, ACT)
    act, document = parse_act(data)
    key = load_signing_key(key_file)
    if key.key_id in {name for name, _ in document.signatures}:
        raise Forbidden(
            "`{key_file}` has signed `{file}` already",
            code="signed-already",
            where=str(file),
            remedy="another person: {sign_command}",
            key_file=key_file,
            file=file,
            sign_command=sign_command(file),
        )
    rule_of(act.kind)
    return add_signature(document, key)


def sign_command(file: Path) -> str:
    """Return the command with which another person signs, with a key of their own."""
    return f"liaison act sign {argument(file)} --key THEIR.key --out {argument(file)}"


def bring_command(file: Path, home: str = "HOME") -> str:
    """Return the command that has an act carried out."""
    return f"liaison act bring {argument(file)} --home {home}"


def describe_act(data: bytes) -> dict[str, Any]:
    """Return the content of an act as JSON."""
    act, document = parse_act(data)
    rule = rule_of(act.kind)
    return {
        "id": act.id,
        "kind": act.kind.value,
        "member": act.member,
        "reason": act.reason,
        "reference": act.reference,
        "detail": dict(act.detail),
        "issued": rfc3339(act.issued_us),
        "expires": rfc3339(act.expires_us),
        "signatures": len({name for name, _ in document.signatures}),
        "needed": rule.persons,
        "roles": sorted(rule.roles),
        "hash": act_hash(parse_document(data.rstrip(b"\n"), ACT_TYPE)),
    }
