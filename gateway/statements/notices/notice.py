"""Notices as statements: one kind for each type, chosen by the payload type of the envelope."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from google.protobuf.message import Message
from liaison.exchange.v1 import envelope_pb2
from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import BadSignature, LiaisonError, Stale, Unsupported
from gateway.model.desk.notices import Body, Notice, NoticeType, OutcomeReport
from gateway.model.desk.watches import Goods, Watch
from gateway.model.exchange import Verified
from gateway.model.names import ExchangeId, MemberId, exchange_id
from gateway.statements import padding
from gateway.statements.envelope import (
    NOTICES,
    PayloadType,
    Sealed,
    SigningKey,
    StatementKeys,
    Unsealed,
    check_signature,
    seal,
    unseal,
)
from gateway.statements.fields import check_issued
from gateway.statements.kind import Kind, Opened, Unproved
from gateway.statements.notices.alert import (
    read_alert,
    read_change,
    read_status,
    write_alert,
    write_change,
    write_status,
)
from gateway.statements.notices.ask import read_ask, read_reply, write_ask, write_reply
from gateway.statements.notices.head import head_message, read_head
from gateway.statements.notices.reports import (
    read_note,
    read_outcome,
    read_report,
    read_service,
    write_note,
    write_outcome,
    write_report,
    write_service,
)
from gateway.statements.notices.room import read_room, write_room
from gateway.statements.notices.watch import read_watch, write_watch
from gateway.statements.versions import Versions, check_part, check_query
from gateway.trust.documents.statement_versions import ATTACHMENT, OUTCOME_OF_HIT, WATCHED_GOODS, Descriptors

SIZES = (4_096, 16_384, 65_536, 245_760)
"""The only lengths in bytes of a notice's payload."""

_PADDING_TAG = 15 << 3 | 2
_PREFIX = "application/vnd.liaison.notice."
_FORMS: Mapping[NoticeType, tuple[type[Message], Callable[[Any, Any], None], Callable[[Any], Body]]] = {
    NoticeType.ASK: (pb.AskNotice, write_ask, read_ask),
    NoticeType.REPLY: (pb.ReplyNotice, write_reply, read_reply),
    NoticeType.ALERT: (pb.AlertNotice, write_alert, read_alert),
    NoticeType.STATUS: (pb.StatusNotice, write_status, read_status),
    NoticeType.CHANGE: (pb.ChangeNotice, write_change, read_change),
    NoticeType.OUTCOME: (pb.OutcomeNotice, write_outcome, read_outcome),
    NoticeType.NOTE: (pb.NoteNotice, write_note, read_note),
    NoticeType.SERVICE: (pb.ServiceNotice, write_service, read_service),
    NoticeType.REPORT: (pb.ReportNotice, write_report, read_report),
    NoticeType.ROOM: (pb.RoomNotice, write_room, read_room),
    NoticeType.WATCH: (pb.WatchNotice, write_watch, read_watch),
}


class NoticeReference(msgspec.Struct, frozen=True):
    """A reference to a notice that was not taken, for the signed refusal. Nothing of it is verified."""

    notice_id: ExchangeId
    notice_hash: bytes


def _kind(of: NoticeType) -> Kind[Any, Notice]:
    message_type, write_body, read_body = _FORMS[of]
    make: Any = message_type

    def write(notice: Notice) -> Any:
        message = make(head=head_message(notice.head))
        write_body(message, notice.body)
        return message

    def read(message: Any) -> Notice:
        return Notice(read_head(message.head, of), read_body(message))

    return Kind(
        NOTICES[of],
        message_type,
        f"notice.{of}",
        write,
        read,
        check_issued,
        finish=lambda payload, _message: padding.pad(payload, _PADDING_TAG, SIZES),
        check_form=lambda payload, message: padding.check_padding(payload, message.padding, SIZES),
        head=lambda message: message.head,
    )


NOTICE_KINDS: Mapping[NoticeType, Kind[Any, Notice]] = {each: _kind(each) for each in NoticeType}
"""The kind of each type of notice. A notice may come long after it was issued; `check_unexpired` says whether it still
counts, once it is known that it was not taken before."""

NOTICE_VERSIONS: Mapping[NoticeType, Versions[Any, Notice]] = {
    each: Versions(kind) for each, kind in NOTICE_KINDS.items()
}
_TYPES: Mapping[str, NoticeType] = {
    payload_type: each for each, versions in NOTICE_VERSIONS.items() for payload_type in versions.types
}


class WrittenNotice(msgspec.Struct, frozen=True):
    """A notice with the exact payload that will be signed: what a human decides on, before it is signed."""

    payload_type: str
    payload: bytes

    @property
    def notice(self) -> Notice:
        """The notice in the payload."""
        return _kind_at(self.payload_type).parse(self.payload)

    @property
    def payload_hash(self) -> bytes:
        """The hash of the payload."""
        return hashlib.sha256(self.payload).digest()

    @property
    def unsigned(self) -> tuple[PayloadType, bytes]:
        """Payload type and payload, for `sealed_together`."""
        return _kind_at(self.payload_type).payload_type, self.payload


def write_notice(notice: Notice, members: Descriptors) -> WrittenNotice:
    """Return a notice with its payload, in the newest version that its recipient takes.

    Raises what its taker would raise, `Unsupported` for a part that it does not read yet, and `TooLarge` over 240 KiB.
    """
    _check_parts(notice, members)
    kind = NOTICE_VERSIONS[notice.type].newest(members, notice.head.recipient)
    return WrittenNotice(str(kind.payload_type), kind.payload(notice))


def _check_parts(notice: Notice, members: Descriptors) -> None:
    """Raise `Unsupported` for files, an outcome that opens a thread or a watch, to a member that does not list them."""
    body, recipient = notice.body, notice.head.recipient
    parts = {
        ATTACHMENT: bool(notice.head.attachments),
        OUTCOME_OF_HIT: isinstance(body, OutcomeReport) and body.hit,
        WATCHED_GOODS: isinstance(body, Watch) and isinstance(body.query, Goods),
    }
    for part, stands in parts.items():
        if stands:
            check_part(members, recipient, part)
    if isinstance(body, Watch) and not isinstance(body.query, Goods):
        check_query(members, recipient, body.query)


def build_notice(notice: Notice, key: SigningKey) -> Sealed:
    """Sign a notice. Raises what its taker would raise, and `TooLarge` over 240 KiB."""
    return NOTICE_KINDS[notice.type].build(notice, key)


def unsealed_notice(envelope: bytes) -> Unsealed:
    """Return the parts of the envelope of a notice. Raises like `unseal`, and `Unsupported` for an unknown type."""
    return _unseal(envelope)


def resealed(unsealed: Unsealed, key: SigningKey) -> bytes:
    """Return a notice of ours signed by `key`: it may have waited until the key that signed it was retired."""
    if unsealed.key_id == key.key_id:
        return unsealed.data
    return seal(unsealed.payload_type, unsealed.payload, key)


def verify_notice(
    envelope: bytes, *, keys: StatementKeys, peer: MemberId, me: MemberId, now_us: int
) -> Verified[Notice]:
    """Return the notice in `envelope`, when the checks of `Kind.verify` hold; its payload type says which kind it is.

    Raises like `Kind.verify`, and `Unsupported` for a type of notice that this version does not know.
    """
    unproved = unproved_notice(envelope, peer=peer, me=me)
    check_signature(unproved.opened.unsealed, keys, peer, now_us)
    return unproved.accepted(now_us)


class UnprovedNotice(Unproved[Any, Notice], frozen=True):
    """A notice whose signature is not verified yet."""

    @property
    def named(self) -> tuple[str, str]:
        """The ids of notice and thread that it names: good for a place in a line, nothing else."""
        head = self.opened.message.head
        return head.notice_id, head.thread_id


def unproved_notice(envelope: bytes, *, peer: MemberId, me: MemberId) -> UnprovedNotice:
    """Return a notice of which checks 1 to 5 of `Kind.verify` hold. Raises like `verify_notice`."""
    opened = _opened(_unseal(envelope))
    return UnprovedNotice(opened.kind.unproved(opened, peer=peer, me=me).opened, peer)


def check_unexpired(notice: Notice, now_us: int) -> None:
    """Raise `Stale` for a notice whose time is over.

    A notice that was taken in time and comes again gets its receipt all the same, so `verify_notice` does not check it.
    """
    if 0 < notice.head.expires_us <= now_us:
        raise Stale("the notice is expired", code="expired", where="expires_time")


def parse_notice(envelope: bytes) -> Notice:
    """Return the notice in an envelope of our own store: its content is checked, its signature is not."""
    return read_notice(_unseal(envelope))


def read_notice(unsealed: Unsealed) -> Notice:
    """Return the notice in the parts of an envelope, checked for content, not for signature or time."""
    return _kind_at(unsealed.payload_type).parse(unsealed.payload)


def notice_reference(envelope: bytes) -> NoticeReference | None:
    """Return id and hash of a refused notice, for the refusal that we sign; None when it names no id."""
    try:
        unsealed = _unseal(envelope)
        return NoticeReference(exchange_id(_opened(unsealed).message.head.notice_id), unsealed.payload_hash)
    except LiaisonError:
        return None


def _unseal(envelope: bytes) -> Unsealed:
    try:
        return unseal(envelope, *NOTICES.values())
    except BadSignature as error:
        if error.code == "wrong-payload-type" and _names_a_notice(envelope):
            raise Unsupported("a notice of a type that is not known here", where="envelope.payload_type") from error
        raise


def _names_a_notice(envelope: bytes) -> bool:
    return envelope_pb2.Envelope.FromString(envelope).payload_type.startswith(_PREFIX)


def _opened(unsealed: Unsealed) -> Opened[Any, Notice]:
    return _kind_at(unsealed.payload_type).opened(unsealed)


def _kind_at(payload_type: str) -> Kind[Any, Notice]:
    return NOTICE_VERSIONS[_TYPES[payload_type]].at(payload_type)
