"""Connections to the witnesses of our heads: counterparts' nodes, and the country's domestic witness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc

from certs.names import witness_tls_name
from certs.tls import TlsIdentity, channel_credentials
from gateway.errors import BadProof, Forbidden, HeadConflict, LiaisonError, Malformed, Overloaded, Unknown
from gateway.model.names import MemberId
from gateway.node.asking_stream import peer_error
from gateway.node.client import PeerPool
from gateway.rpc import methods
from gateway.rpc.contract import A, Method, Q, largest_answer
from gateway.rpc.status import size_of
from gateway.rpc.transport import client_options

if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

_REFUSALS: dict[grpc.StatusCode, type[LiaisonError]] = {
    grpc.StatusCode.NOT_FOUND: Unknown,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.INVALID_ARGUMENT: Malformed,
    grpc.StatusCode.FAILED_PRECONDITION: BadProof,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
}


class DomesticChannel:
    """The connection to the domestic witness. The certificate on its card is the only root."""

    def __init__(self, member: str, address: str, certificate: bytes, identity: Callable[[], TlsIdentity]) -> None:
        self._name = witness_tls_name(member)
        self._address = address
        self._certificate = certificate
        self._identity = identity
        self._channel: grpc.aio.Channel | None = None
        self._used: TlsIdentity | None = None

    async def call(self, method: Method[Q, A], request: Q) -> A:
        """Make one unary call. Raises our errors."""
        try:
            call: Unary = (await self._open()).unary_unary(method.path)
            answer = await call(method.request.write(request), timeout=method.timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _refusal("the domestic witness", error) from error
        return method.read_answer(answer)

    async def _open(self) -> grpc.aio.Channel:
        """Return the channel; a new one when our certificate was renewed."""
        identity = self._identity()
        if self._channel is None or identity != self._used:
            await self.close()
            options = client_options(self._name, largest_answer(methods.DOMESTIC_METHODS))
            credentials = channel_credentials(identity, self._certificate)
            self._channel, self._used = grpc.aio.secure_channel(self._address, credentials, options=options), identity
        return self._channel

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
        self._channel = None


class WitnessClient:
    """`WitnessPeers` over gRPC. `domestic` is None where there is no domestic witness."""

    def __init__(self, peers: PeerPool, domestic: DomesticChannel | None) -> None:
        self._peers = peers
        self._domestic = domestic

    async def add_checkpoint(self, witness: str, body: bytes, cosigned: bytes) -> bytes:
        """Return signature lines for the head in `body`; raise as `WitnessPeers` says."""
        return await self._call(witness, methods.ADD_CHECKPOINT, (body, cosigned))

    async def largest_head(self, witness: str, origin: str) -> bytes:
        """Return the largest signed head of our log that the witness has seen; empty when there is none."""
        return await self._call(witness, methods.LARGEST_HEAD, origin)

    async def remembered_head(self, witness: str, origin: str) -> bytes:
        """Return the head that a counterpart remembers which waits as we do; raise as `WitnessPeers` says."""
        if not witness:
            raise Unknown("a domestic witness does not wait", code="no-domestic-witness")
        return await self._call(witness, methods.REMEMBERED_HEAD, origin)

    async def _call(self, witness: str, method: Method[Q, A], request: Q) -> A:
        if witness:
            return await self._peers.call(MemberId(witness), method, request, refusal=_refusal)
        if self._domestic is None:
            raise Unknown("there is no domestic witness", code="no-domestic-witness")
        return await self._domestic.call(method, request)

    async def close(self) -> None:
        """Close the connection to the domestic witness; the pool closes those to counterparts."""
        if self._domestic is not None:
            await self._domestic.close()


def _refusal(witness: str, error: grpc.aio.AioRpcError) -> LiaisonError:
    """Return our error for the status with which a witness refused. A status is a claim, and proves nothing."""
    code = (error.details() or "")[:60].encode("ascii", "replace").decode()
    if error.code() is grpc.StatusCode.ABORTED:
        size = size_of(_metadata(error))
        if size is not None:
            return HeadConflict(
                "{witness} has a head over {length} entries", size, where=witness, witness=witness, length=size
            )
    known = _REFUSALS.get(error.code())
    if known is None:
        return peer_error(witness, error)
    return known(f"{witness} refuses: {error.code().name} {code}", where=witness)


def _metadata(error: grpc.aio.AioRpcError) -> list[tuple[str, str | bytes]]:
    return [(str(name), value) for name, value in error.trailing_metadata() or ()]
