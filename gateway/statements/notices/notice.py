"""Notices as statements: one kind for each type, chosen by the payload type of the envelope.

The files that a notice names have types of a closed list, and names that say nothing of a folder.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from google.protobuf.message import Message
from liaison.exchange.v1 import envelope_pb2, statements_pb2
from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import BadSignature, LiaisonError, Malformed, Stale, Unsupported
from gateway.model.desk.attachments import ENDINGS, MAX_FILES, MAX_NAME, MAX_SIZE, Attachment, MediaType
from gateway.model.desk.notices import Body, Head, Notice, NoticeType, OutcomeReport, Urgency
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.watches import Goods, Watch
from gateway.model.exchange import Verified
from gateway.model.marking import Level
from gateway.model.names import ExchangeId, MemberId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.statements import fields
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
from gateway.statements.fields import check_hash, check_issued, microseconds, requester_message, timestamp
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
from gateway.statements.notices.texts import free_text, listed, optional_time
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
        message = make(head=_head_message(notice.head))
        write_body(message, notice.body)
        return message

    def read(message: Any) -> Notice:
        return Notice(_read_head(message.head, of), read_body(message))

    return Kind(
        NOTICES[of],
        message_type,
        f"notice.{of}",
        write,
        read,
        check_issued,
        finish=lambda payload, _message: fields.pad(payload, _PADDING_TAG, SIZES),
        check_form=lambda payload, message: fields.check_padding(payload, message.padding, SIZES),
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


# ------------------------------------------------------------ the head


_MAX_SEQ = 2**31 - 1
"""The largest number of a notice in a thread."""

_MAX_LIFE_US = 366 * 86_400_000_000
"""The longest time between `issued` and `expires`, in microseconds."""

_OPENERS = frozenset(kind.value for kind in ThreadKind)
"""The types of notices that open a thread."""


def _head_message(head: Head) -> pb.NoticeHead:
    """Return a head for a payload, without its blind."""
    message = pb.NoticeHead(
        notice_id=head.notice_id,
        thread_id=head.thread_id,
        group_id=head.group_id,
        seq=head.seq,
        previous=head.previous,
        seen=head.seen,
        sender=head.sender,
        recipient=head.recipient,
        to_office=head.to_office,
        issued_time=timestamp(head.issued_us),
        urgency=head.urgency.value,
        purpose=head.purpose.value,
        offence=head.offence.value,
        case_number=head.case,
        ticket=head.ticket,
        agreement=head.agreement,
        requester=requester_message(head.requester),
        trust_hash=head.trust_hash,
        policy_hash=head.policy_hash,
        attachments=file_messages(head.attachments),
    )
    if head.expires_us:
        message.expires_time.CopyFrom(timestamp(head.expires_us))
    if head.approver is not None:
        message.approver.CopyFrom(requester_message(head.approver))
    return message


def _read_head(message: pb.NoticeHead, of: NoticeType) -> Head:
    """Return the head of a notice of type `of`, or raise `Malformed`, `Stale`."""
    check_hash(message.blind, "blind")
    case, ticket, agreement = message.case_number, message.ticket, message.agreement
    head = Head(
        notice_id=exchange_id(message.notice_id),
        thread_id=exchange_id(message.thread_id),
        seq=message.seq,
        previous=message.previous,
        seen=message.seen,
        sender=member_id(message.sender),
        recipient=member_id(message.recipient),
        issued_us=microseconds(message.issued_time, "issued_time"),
        expires_us=optional_time(message.expires_time, "expires_time", present=message.HasField("expires_time")),
        urgency=listed(Urgency, message.urgency, "urgency"),
        purpose=listed(Purpose, message.purpose, "purpose"),
        offence=listed(Offence, message.offence, "offence"),
        case=reference(case, "case_number") if case else "",
        ticket=reference(ticket, "ticket") if ticket else "",
        agreement=identifier(agreement, "agreement") if agreement else "",
        requester=_read_human(message.requester, "requester"),
        trust_hash=check_hash(message.trust_hash, "trust_hash"),
        policy_hash=check_hash(message.policy_hash, "policy_hash"),
        group_id=identifier(message.group_id, "group_id") if message.group_id else "",
        to_office=identifier(message.to_office, "to_office") if message.to_office else "",
        approver=_read_human(message.approver, "approver") if message.HasField("approver") else None,
        attachments=read_files(message.attachments, of),
    )
    if head.approver is not None and head.approver.pseudonym == head.requester.pseudonym:
        raise Malformed("its author approved it", code="own-approval", where="approver")
    _check_place(head, of)
    if head.expires_us and not 0 < head.expires_us - head.issued_us <= _MAX_LIFE_US:
        raise Stale("a notice is delivered for at most 366 days", code="bad-validity", where="expires_time")
    return head


def _check_place(head: Head, of: NoticeType) -> None:
    """Check the place in the thread as far as the head tells; the fold compares it with the notices before.

    The opener of a thread begins without a notice of the other side, and names the thread after its notice. The other
    side has seen a notice when it begins.
    """
    if not 1 <= head.seq <= _MAX_SEQ or head.seen > _MAX_SEQ:
        raise Malformed("notices are counted from 1", code="bad-place", where="seq")
    if head.seq > 1:
        check_hash(head.previous, "previous")
    elif head.previous:
        raise Malformed("nothing comes before the first notice", code="bad-place", where="previous")
    opens = head.seq == 1 and head.seen == 0
    if opens != (head.thread_id == head.notice_id):
        raise Malformed("a thread has the id of the notice that opens it", code="bad-place", where="thread_id")
    if opens and of not in _OPENERS:
        raise Malformed("a notice of this type opens no thread", code="bad-place", where="thread_id")


def _read_human(message: statements_pb2.Requester, where: str) -> Requester:
    return Requester(
        role=identifier(message.role, f"{where}.role"),
        office=identifier(message.office, f"{where}.office"),
        agency=identifier(message.agency, f"{where}.agency"),
        pseudonym=identifier(message.pseudonym, f"{where}.pseudonym"),
    )


# ------------------------------------------------------------ the files that a notice names


CARRIERS = frozenset({NoticeType.ASK, NoticeType.REPLY, NoticeType.ALERT, NoticeType.NOTE, NoticeType.REPORT})
"""The types of notices that may name files."""

_RESERVED_SIGNS = frozenset('/\\:*?"<>|')
"""Characters that mean something else than themselves in the name of a file, on some system."""

_AS_FOLDER = frozenset('/\\"')
"""Signs whose wide or slanted look-alikes become these on systems with an older code page."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)
"""Names that Windows takes for a device, whatever ending they have."""


def file_name(text: str, type_: MediaType, where: str) -> str:
    """Return the name of a file of this type, or raise `Malformed`: it is shown, and proposed to who saves the file."""
    free_text(text, where)
    is_device = _DEVICE.fullmatch(text) is not None
    if len(text) > MAX_NAME or _RESERVED_SIGNS & set(text) or text != text.strip() or text.startswith(".") or is_device:
        raise Malformed("not the name of a file", code="bad-file-name", where=where)
    if not text.isascii() and _AS_FOLDER & set(unicodedata.normalize("NFKC", text.replace("∕", "/"))):
        raise Malformed("not the name of a file", code="bad-file-name", where=where)
    if not text.lower().endswith(ENDINGS[type_]):
        raise Malformed(
            "the name of a file of the type `{type}` ends with {endings}",
            code="name-and-type-differ",
            where=where,
            remedy="give the file the ending of its type",
            type=type_.value,
            endings=", ".join(ENDINGS[type_]),
        )
    return text


def file_messages(files: Iterable[Attachment]) -> list[pb.Attachment]:
    """Return files for a payload."""
    return [
        pb.Attachment(
            name=each.name,
            media_type=each.type.value,
            size=each.size,
            merkle_root=each.root,
            marking=each.marking.value,
        )
        for each in files
    ]


def read_files(messages: Sequence[pb.Attachment], of: NoticeType) -> tuple[Attachment, ...]:
    """Return the files that a notice of this type names, each once, or raise `Malformed`."""
    if not messages:
        return ()
    if of not in CARRIERS:
        raise Malformed("a notice of this type has no files", code="no-files-here", where="attachments")
    if len(messages) > MAX_FILES:
        raise Malformed("more than {limit} files", code="too-many", where="attachments", limit=MAX_FILES)
    found = tuple(_read_file(each) for each in messages)
    if len({each.root for each in found}) != len(found):
        raise Malformed("a file is listed twice", code="listed-twice", where="attachments")
    return found


def _read_file(message: pb.Attachment) -> Attachment:
    type_ = listed(MediaType, message.media_type, "attachments.media_type")
    if not 0 < message.size <= MAX_SIZE:
        raise Malformed("a file has 1 to {limit} bytes", code="bad-size", where="attachments.size", limit=MAX_SIZE)
    return Attachment(
        file_name(message.name, type_, "attachments.name"),
        type_,
        message.size,
        check_hash(message.merkle_root, "attachments.merkle_root"),
        listed(Level, message.marking, "attachments.marking"),
    )
