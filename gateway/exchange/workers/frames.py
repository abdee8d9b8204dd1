"""The frames between front and workers: four bytes of length, then a MessagePack array of a closed kind.

Nothing is pickled. Each side ends the connection at a frame that is too long, of an unknown kind or of another form.
What a frame of a worker says is checked against what it was given (`check`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.conversion import unpacker
from gateway.errors import LiaisonError, Malformed, Reason
from gateway.exchange.answering.job import Drawn

HEAD = struct.Struct("<I")

MOST_TO_WORKER = 64 * 1024 * 1024
"""Bytes of the largest frame to a worker, which the front is believed: trust documents or the files of a policy."""

MOST_FROM_WORKER = 2 * 1024 * 1024
"""Bytes of the largest frame of a worker."""

MOST_RESULTS = 1024 * 1024
"""Bytes of results after which a worker begins another frame."""

MAX_BATCH = 64
MAX_TEXT = 300


class _Frame(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Have each frame written as an array of exactly its members."""


# ---------------------------------------------------------------- to a worker


class SourceSpec(_Frame):
    """A source as the settings of the node describe it. `index_secret` is empty where the key index is not sealed."""

    id: str
    agency: str
    mapping: str
    url: str
    access: str
    index_secret: bytes
    difference_s: float
    rate_per_s: float
    timeout_s: float
    is_process: bool


class Start(_Frame, tag=1):
    """The first frame: who the worker is for, and what it may use. `agency_keys` are the files of keys of agencies.

    `closed` are files and folders that it may not open, but for those in `opened`.
    """

    epoch: bytes
    member: str
    keystore: str
    agency_keys: list[str]
    sources: list[SourceSpec]
    threads: int
    log_level: str
    closed: list[str]
    opened: list[str]


class Trust(_Frame, tag=2):
    """The trust documents in force, their bytes as they were signed; `hash` is that of the view they make."""

    epoch: int
    hash: bytes
    charter: bytes
    descriptors: list[tuple[str, bytes]]
    statuses: list[tuple[str, bytes, list[str]]]
    withheld_members: list[str]
    withheld_keys: list[tuple[str, list[str]]]


class SwitchedOff(_Frame, tag=3):
    """The targets that are switched off now: target, reason, and the approver of the humanitarian exception."""

    active: list[tuple[str, str, str]]


class Policy(_Frame, tag=4):
    """The files of a policy by name, `base/…` and `national/…`; `hash` is that of the policy."""

    hash: bytes
    files: dict[str, bytes]


class Given(_Frame):
    """A verified request that policy allows. `certificate` and `policy` are places in the lists of the batch.

    `is_current` says that it came in under the documents and switches that were told last.
    """

    certificate: int
    policy: int
    peer: str
    payload_type: str
    payload: bytes
    payload_hash: bytes
    key_id: str
    deadline: float
    decided_us: int
    version: int
    urgent: bool
    is_current: bool


class Batch(_Frame, tag=5):
    """Requests to be worked on."""

    epoch: bytes
    id: int
    certificates: list[bytes]
    policies: list[bytes]
    requests: list[Given]


# ---------------------------------------------------------------- of a worker


class Ready(_Frame, tag=1):
    """The policy of this hash can be decided by."""

    epoch: bytes
    policy: bytes


class Taken(_Frame, tag=2):
    """All requests of a batch are before their sources."""

    epoch: bytes
    batch: int


class Turned(_Frame):
    """A refusal, and the text that only our own log is told."""

    reason: Reason
    code: str
    text: str

    @classmethod
    def of(cls, error: LiaisonError) -> Turned:
        """Return what is told of an error."""
        return cls(error.reason, error.code, str(error)[:MAX_TEXT])

    def error(self) -> LiaisonError:
        """Return the error again."""
        error = LiaisonError(self.text, code=self.code)
        error.reason = self.reason
        return error


class Result(_Frame):
    """Tells what became of the request at `place` of a batch: an answer that is drawn, or a refusal."""

    batch: int
    place: int
    drawn: Drawn | None
    turned: Turned | None


class Done(_Frame, tag=3):
    """Results, of any batches."""

    epoch: bytes
    results: list[Result]


class State(_Frame, tag=4):
    """A sign of life each second: the state of each source, as the worker sees it."""

    epoch: bytes
    sources: dict[str, str]


ToWorker = Start | Trust | SwitchedOff | Policy | Batch
FromWorker = Ready | Taken | Done | State

_encode = msgspec.msgpack.Encoder().encode
_to_worker: Callable[[bytes], ToWorker] = unpacker(ToWorker)
_from_worker: Callable[[bytes], FromWorker] = unpacker(FromWorker)


def packed(frame: ToWorker | FromWorker) -> bytes:
    """Return a frame with its length before it."""
    data = _encode(frame)
    return HEAD.pack(len(data)) + data


def to_worker(data: bytes) -> ToWorker:
    """Return a frame of the front. Raises `Malformed`."""
    found: ToWorker = _read(_to_worker, data)
    return found


def from_worker(data: bytes) -> FromWorker:
    """Return a frame of a worker. Raises `Malformed` for any other bytes."""
    found: FromWorker = _read(_from_worker, data)
    return found


def _read(unpack: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return unpack(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the bytes are no frame", code="bad-frame", where="worker") from error
