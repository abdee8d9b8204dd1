"""Fetch the very files of a policy that decided, by the hash in each decision's entry, or decide by them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gateway.audit.export.layout import POLICIES
from gateway.audit.export.policies import policy_contents, policy_hash
from gateway.config import Home
from gateway.errors import Contradicted, Malformed, Unknown
from gateway.host.durable import PUBLIC, make_folder, write_new
from gateway.model.names import MemberId
from policy.bundle.bundle import layer_of, load_bundle
from policy.engine.engine import PolicyEngine

_LEAST = 8
"""Digits of a hash that must be given; `liaison doctor` shows sixteen."""


def fetch_policy(home: Path | None, export: Path | None, wanted: str, out: Path) -> str:
    """Write the files of a policy into `out`, base and national; return the whole hash, which they have.

    Raises `Unknown` when no such policy was kept, and `Contradicted` when the files do not have the hash.
    """
    name, data = kept_policy(Home(home).policies if home is not None else (export or Path()) / POLICIES, wanted)
    for place, content in policy_contents(data).items():
        target = out / _inside(place)
        make_folder(target.parent)
        write_new(target, content, PUBLIC)
    return name


def kept_engine(home: Home, wanted: str, member: MemberId) -> PolicyEngine:
    """Return the engine of a policy that decided, by its hash, from the very files that are kept.

    Raises like `fetch_policy`, and `Misconfigured` where this program does not read these files any more.
    """
    contents = policy_contents(kept_policy(home.policies, wanted)[1])
    base, national = (layer_of(contents, layer) for layer in ("base", "national"))
    return PolicyEngine(load_bundle(base, national, member), member)


def kept_policy(folder: Path, wanted: str) -> tuple[str, bytes]:
    """Return the whole hash and the document of a policy that was kept. Raises like `fetch_policy`."""
    found = dict(_kept(folder, wanted))
    if len(found) != 1:
        raise Unknown(
            "{count} policies that were kept have a hash that begins with `{wanted}`",
            code="unknown-policy",
            where=str(folder),
            remedy="give the whole hash, as an entry's `decision.hash` has it; at least {least} digits",
            count=len(found) or "no",
            wanted=wanted[:64],
            least=_LEAST,
        )
    ((name, path),) = found.items()
    data = path.read_bytes()
    if policy_hash(data) != name:
        raise Contradicted("the files are not those that the hash was made of", code="other-policy", where=str(path))
    return name, data


def _kept(folder: Path, wanted: str) -> Iterator[tuple[str, Path]]:
    if len(wanted) < _LEAST:
        return
    for path in sorted(folder.glob("*.json")):
        name = path.stem.rpartition("-")[2]
        if name.startswith(wanted.lower()):
            yield name, path


def _inside(place: str) -> PurePosixPath:
    """Return the path of a file below the folder. Raises `Malformed` for one that leads out of it."""
    path = PurePosixPath(place)
    if path.is_absolute() or ".." in path.parts:
        raise Malformed("a file of this policy has a path that leads elsewhere", code="bad-policy-document")
    return path
