"""Exports for auditors: a directory that proves itself under the charter, on a machine without a node.

::

    export.json              manifest: member, logs and their sizes, time, SHA-256 of every other file
    export.sig               a signed note over the manifest's hash, by the log key
    trust/descriptors/…      carried for convenience; verified under the auditor's own charter
    trust/statuses/…
    <log>-<number>/checkpoint
    <log>-<number>/tile/…    C2SP tlog-tiles: hashes and entry bundles
    <log>-<number>/openings.jsonl      {"index":…,"private":base64} or {"index":…,"erased":key id}
    <log>-<number>/statements.jsonl    {"index":…,"request":base64,"answer":base64}
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.checkpoint import HeadSigner, Signer, parse_checkpoint
from gateway.audit.evidence import HomeLog, Row
from gateway.audit.merkle import Tree, leaf_hash
from gateway.audit.tiles import WIDTH, bundle, tile_path, tiles
from gateway.clock import Clock, rfc3339
from gateway.errors import LiaisonError, Malformed, NotProved, StorageBroken
from gateway.model.names import MemberId
from gateway.ports import ContentKeys, LogStore

MANIFEST = "export.json"
SIGNATURE = "export.sig"


def export_origin(member: str) -> str:
    """The name of the note that signs a member's exports."""
    return f"{member}.liaison.internal/export"


@dataclass(slots=True)
class _Writer:
    """Writes files below a folder and keeps their hashes."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
        self.hashes[name] = hashlib.sha256(data).hexdigest()


def export(
    store: LogStore,
    keys: ContentKeys,
    key: HeadSigner,
    clock: Clock,
    *,
    member: MemberId,
    highwater: Path,
    out: Path,
    documents: Mapping[str, bytes],
) -> str:
    """Write all logs of a home to the new or empty folder `out`; the manifest's SHA-256 in hexadecimal.

    `documents` are files of trust to carry (`trust/descriptors/th.jsonl` → bytes). The node may be running.
    Raises `Malformed` when `out` is not empty, `NotProved` when a log has no signed head, `StorageBroken`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Malformed("the folder is not empty", code="not-empty", where=str(out), remedy="name a new folder")
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        writer = _Writer(out)
        for name, data in documents.items():
            writer.write(name, data)
        sizes = {name: _export_log(writer, HomeLog(store, keys, name, highwater)) for name in store.logs()}
        return _manifest(writer, member, sizes, key, clock)
    except OSError as error:
        raise StorageBroken(
            f"the export cannot be written: `{error.strerror}`", where=str(out), remedy="free space, then export again"
        ) from error


def _export_log(writer: _Writer, log: HomeLog) -> int:
    head = _newest(log)
    checkpoint = parse_checkpoint(head)
    folder = log.name.replace("/", "-")
    writer.write(f"{folder}/checkpoint", head)
    tree = Tree()
    openings: list[str] = []
    statements: list[str] = []
    waiting: list[bytes] = []
    for row in log.rows():
        if row.index >= checkpoint.size:
            break
        tree.append(leaf_hash(row.body))
        openings.append(_opening(row))
        if row.request or row.answer:
            statements.append(_statements(row))
        waiting.append(row.body)
        if len(waiting) == WIDTH:
            writer.write(f"{folder}/{tile_path('entries', row.index // WIDTH, WIDTH)}", bundle(waiting))
            waiting = []
    if waiting:
        writer.write(f"{folder}/{tile_path('entries', tree.size // WIDTH, len(waiting))}", bundle(waiting))
    for name, data in tiles(tree, tree.size):
        writer.write(f"{folder}/{name}", data)
    writer.write(f"{folder}/openings.jsonl", "".join(openings).encode())
    writer.write(f"{folder}/statements.jsonl", "".join(statements).encode())
    return tree.size


def _newest(log: HomeLog) -> bytes:
    heads = []
    for data in log.heads():
        try:
            heads.append(parse_checkpoint(data))
        except LiaisonError:
            continue
    if not heads:
        raise NotProved(f"log `{log.name}` has no signed head", where=log.name, remedy="start the node once")
    return max(heads, key=lambda head: head.size).data


def _opening(row: Row) -> str:
    if row.private is None:
        return json.dumps({"index": row.index, "erased": row.erased or row.problem}) + "\n"
    return f'{{"index":{row.index},"private":"{_text(row.private)}"}}\n'


def _statements(row: Row) -> str:
    return f'{{"index":{row.index},"request":"{_text(row.request)}","answer":"{_text(row.answer)}"}}\n'


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _manifest(writer: _Writer, member: MemberId, sizes: Mapping[str, int], key: HeadSigner, clock: Clock) -> str:
    manifest = {
        "v": 1,
        "member": member,
        "created": rfc3339(clock.now_us()),
        "logs": dict(sizes),
        "files": dict(sorted(writer.hashes.items())),
    }
    data = json.dumps(manifest, indent=1).encode() + b"\n"
    digest = hashlib.sha256(data).digest()
    (writer.folder / MANIFEST).write_bytes(data)
    # A manifest has no tree, but a note of the same form serves: origin, number of files, hash.
    note = Signer(export_origin(member), key).sign(len(writer.hashes), digest)
    (writer.folder / SIGNATURE).write_bytes(note)
    return digest.hex()


def trust_documents(
    charter: Sequence[bytes], descriptors: Mapping[str, Sequence[bytes]], statuses: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Trust documents as the files that an export carries, one document on each line."""
    files = {"trust/charter.jsonl": _lines(charter)}
    files |= {f"trust/descriptors/{member}.jsonl": _lines(items) for member, items in descriptors.items()}
    files |= {f"trust/statuses/{member}.json": item for member, item in statuses.items()}
    return files


def _lines(documents: Sequence[bytes]) -> bytes:
    return b"".join(item.rstrip(b"\n") + b"\n" for item in documents)
