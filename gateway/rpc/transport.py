"""Shared by both kinds of servers: options, the caller's certificate, refusals, and unknown methods."""

from __future__ import annotations

from certs import tls as _floor  # noqa: F401  # isort: skip
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from gateway.errors import LiaisonError, Malformed, Unauthenticated
from gateway.host.descriptors import most_connections

_HANDSHAKE_MS = 5_000
_STREAMS = 100
"""Calls at once on one connection; gRPC counts those that were reset until they have been looked at. Without a limit,
calls that a caller begins and resets in a flood fill gRPC's queue, and calls of others are dropped."""

_WAITING = 4_000
"""Calls of all connections that may wait until we look at them, which takes a second or so.

Beyond it gRPC drops calls by chance, of all callers alike: of 1,000 by default, which is what ten connections of one
caller may bring at once.
"""

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A refused call: its method (`unknown` for one that is not served), its caller, and its address.

    `who` is empty for a caller that did not prove who it is.
    """

    method: str
    who: str
    address: str
    error: LiaisonError


_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),  # gRPC takes it as TCP_USER_TIMEOUT, too
    ("grpc.keepalive_permit_without_calls", 1),
]
"""Each side asks the other every 10 seconds whether it is there, and gives up after 5: a dead link is noticed in 15."""

_PING_MS = 5_000
"""More frequent pings without data count as a flood; a third one ends the connection."""

_CONNECT_MS = 2_000
"""An attempt to connect takes no longer. The packet that a link lost on its way is then sent anew, not after 16 s."""

Refused = Callable[[RefusedCall], None]
"""Called with each refused call."""


def options(largest: int, age_ms: int, grace_ms: int, *, share_port: bool = False) -> list[tuple[str, int]]:
    """Return the options of a server whose messages have at most `largest` bytes.

    Connections beyond their number are closed at once; a stranger holds one no longer than a handshake may take.
    """
    return [
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_allowed_incoming_connections", most_connections()),
        ("grpc.max_connection_age_ms", age_ms),
        ("grpc.max_connection_age_grace_ms", grace_ms),
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.server.max_pending_requests", _WAITING),
        ("grpc.server.max_pending_requests_hard_limit", 2 * _WAITING),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_MS),
        ("grpc.so_reuseport", int(share_port)),
        *_KEEPALIVE,
    ]


def client_options(server_name: str, largest: int) -> list[tuple[str, int | str]]:
    """Return the options of a connection to the server of that name, whose answers have at most `largest` bytes."""
    return [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 800),
        ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),
        ("grpc.http2.max_pings_without_data", 0),
        *_KEEPALIVE,
    ]


def certificate_of(auth_context: Mapping[str, Any]) -> bytes:
    """Return the one certificate (PEM) that a caller has shown, or raise `Unauthenticated`."""
    # gRPC gives a list of bytes, which its type stubs do not say.
    certificates: Iterable[bytes] = auth_context.get("x509_pem_cert") or []
    shown = list(certificates)
    if len(shown) != 1:
        raise Unauthenticated("not exactly one certificate")
    return shown[0]


class Lookup(grpc.GenericRpcHandler):
    """Finds the handler of a call in the table; an unknown method is noted, and gets UNIMPLEMENTED."""

    def __init__(self, handlers: Mapping[str, Handler], refused: Refused) -> None:
        self._handlers = handlers
        self._refused = refused

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a call, or None."""
        path = str(handler_call_details.method)
        handler = self._handlers.get(path)
        if handler is None:
            error = Malformed("`{path!a}` is not served", code="unknown-method", path=path[:80])
            with contextlib.suppress(LiaisonError):
                self._refused(RefusedCall("unknown", "", "", error))
        return handler
