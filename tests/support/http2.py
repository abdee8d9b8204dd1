"""HTTP/2 by hand, below gRPC: single frames over a TLS connection of a member, whole or cut off anywhere."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.exchange import Caller

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING = 0, 1, 3, 4, 6


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """One frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def header_block(**headers: str) -> bytes:
    """Headers as literals without indexing (RFC 7541, section 6.2.2); `_x` stands for `:x`."""
    named = {name.replace("_", ":"): value.encode() for name, value in headers.items()}
    return b"".join(bytes([0, len(n)]) + n.encode() + bytes([len(v)]) + v for n, v in named.items())


def opening(path: str) -> bytes:
    """All that comes before the first message of a gRPC call on a new connection."""
    return PREFACE + frame(SETTINGS) + beginning(path, 1)


def beginning(path: str, stream: int) -> bytes:
    """The headers of a gRPC call, without a message."""
    block = header_block(_method="POST", _scheme="https", _path=path, _authority="node", te="trailers")
    return frame(HEADERS, block + header_block(**{"content-type": "application/grpc"}), 4, stream)


def message(data: bytes) -> bytes:
    """A message of gRPC: uncompressed, with its length."""
    return b"\0" + len(data).to_bytes(4, "big") + data


def tls_client(roots: Path, certificate: Path, protocol: str = "h2") -> ssl.SSLContext:
    """TLS of a client that shows a certificate, whose key lies beside it."""
    context = ssl.create_default_context(cafile=str(roots))
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    context.set_alpn_protocols([protocol])
    return context


@asynccontextmanager
async def dialled(
    target: Caller, certificate: Path, roots: Path, protocol: str = "h2"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TLS connection to a node, with nothing sent in it yet; it is aborted at the end."""
    host, _, port = target.address.partition(":")
    context = tls_client(roots, certificate, protocol)
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=target.server_name)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
