"""The gRPC status that goes with each reason of a refusal, and the size that goes with a conflict of heads."""

from __future__ import annotations

from certs import tls as _floor  # noqa: F401  # isort: skip
import re
from collections.abc import Iterable
from typing import Any

import grpc

from gateway.errors import HeadConflict, Reason

STATUS = {reason: grpc.StatusCode[reason] for reason in Reason if reason in grpc.StatusCode.__members__} | {
    Reason.SUSPENDED: grpc.StatusCode.UNAVAILABLE,
    Reason.RECEIPTS_DUE: grpc.StatusCode.FAILED_PRECONDITION,
}
"""The status of each reason. A suspended exchange is UNAVAILABLE."""

_SIZE_KEY = "liaison-size"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def size_metadata(conflict: HeadConflict) -> tuple[tuple[str, str]]:
    """Return the trailing metadata of a conflict: the size of the newest cosigned head."""
    return ((_SIZE_KEY, str(conflict.size)),)


def size_of(metadata: Iterable[tuple[str, Any]]) -> int | None:
    """Return the size in a conflict's trailing metadata, or None."""
    for name, value in metadata:
        if name == _SIZE_KEY and isinstance(value, str) and _SIZE.fullmatch(value):
            return int(value)
    return None
