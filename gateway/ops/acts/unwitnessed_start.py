"""An administrator's act that lets a node start once although its log was moved and no witness can be asked.

The act is one file beside the high-water marks, since it is read before any log is written to. The next start that
needs it verifies it and uses it up, and the entry of that start names it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.acts.act import Act, Proved
from gateway.audit.acts.table import ActKind
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError, Malformed, Misconfigured
from gateway.host.durable import PRIVATE, replace
from gateway.ops.acts.draft import draft_act, helped, proof_needed, trust_of
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.signing.keys import SigningKey, load_signing_key

_FILE = "start-without-witness.json"


def waive(trust: HomeTrust, reason: str, keys: Sequence[SigningKey]) -> Path:
    """Let the next start that needs a witness go on without one; return the file.

    Raises `Malformed` for a reason that is not plain text, `BadSignature` where no administrator signed.
    """
    data = draft_act(trust, ActKind.WAIVE, reason, {}, keys)
    with helped(ActKind.WAIVE, trust.home):
        trust.verify(data)
    path = trust.home.highwater / _FILE
    replace(path, data, PRIVATE)
    return path


def waive_start(folder: Path, reason: str, key_files: Sequence[KeyPlace]) -> Path:
    """Let the next start of the home in `folder` go on without a witness; return the file.

    Raises the errors of `waive`.
    """
    home = Home(load_settings(folder).home)
    if not key_files:
        raise proof_needed(ActKind.WAIVE, home)
    return waive(trust_of(home), reason, [load_signing_key(file) for file in key_files])


def is_waived(home: Home) -> bool:
    """Tell whether an act waits that lets the next start go on without a witness."""
    return os.path.lexists(home.highwater / _FILE)


def check_waiver(trust: HomeTrust) -> None:
    """Raise `Misconfigured` for an act that waits and does not verify. It is not used up."""
    with _told(trust.home.highwater / _FILE) as path:
        _verified(trust, path)


def take_unwitnessed_start(trust: HomeTrust, used: Used) -> dict[str, Any]:
    """Use the act up, and return its members of the start's entry; empty where there is no act.

    Raises `Misconfigured` for an act that does not verify, such as an unsigned text.
    """
    if not is_waived(trust.home):
        return {}
    with _told(trust.home.highwater / _FILE) as path:
        act, proved = _verified(trust, path)
        used.claim(act.id, act.expires_us, secrets.token_hex(16))
        path.unlink()
    return {"waived": f"{proved.words}: {act.reason}", "order": act.id} | proved.members()


def _verified(trust: HomeTrust, path: Path) -> tuple[Act, Proved]:
    if not path.is_file():  # reading a pipe would not end
        raise Malformed("it is no file", code="bad-act")
    act, proved = trust.verify(path.read_bytes())
    if act.kind is not ActKind.WAIVE:
        raise Malformed("it is an act of `{kind}`", code="bad-act", kind=act.kind)
    return act, proved


@contextmanager
def _told(path: Path) -> Iterator[Path]:
    """Yield the file of the act; say of an error in the block that the act cannot be used."""
    try:
        yield path
    except (OSError, LiaisonError) as error:
        raise Misconfigured(
            "cannot be used: {error}",
            code="bad-waiver",
            where=str(path),
            remedy="run `liaison witness waive` again",
            error=error,
        ) from error
