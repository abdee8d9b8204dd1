"""Read and write the files that a notice names: a closed list of types, and names that say nothing of a folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.attachments import ENDINGS, MAX_FILES, MAX_NAME, MAX_SIZE, Attachment, MediaType
from gateway.model.desk.notices import NoticeType
from gateway.model.marking import Level
from gateway.statements.fields import check_hash
from gateway.statements.notices.texts import free_text, listed

CARRIERS = frozenset({NoticeType.ASK, NoticeType.REPLY, NoticeType.ALERT, NoticeType.NOTE, NoticeType.REPORT})
"""The types of notices that may name files."""

_RESERVED = frozenset('/\\:*?"<>|')
"""Characters that mean something else than themselves in the name of a file, on some system."""

_AS_FOLDER = frozenset('/\\"')
"""Signs whose wide or slanted look-alikes become these on systems with an older code page."""

_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)
"""Names that Windows takes for a device, whatever ending they have."""


def file_name(text: str, type_: MediaType, where: str) -> str:
    """Return the name of a file of this type, or raise `Malformed`: it is shown, and proposed to who saves the file."""
    free_text(text, where)
    is_device = _DEVICE.fullmatch(text) is not None
    if len(text) > MAX_NAME or _RESERVED & set(text) or text != text.strip() or text.startswith(".") or is_device:
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
    found = tuple(_read(each) for each in messages)
    if len({each.root for each in found}) != len(found):
        raise Malformed("a file is listed twice", code="listed-twice", where="attachments")
    return found


def _read(message: pb.Attachment) -> Attachment:
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
