"""Sign-ins that are under way: begun by a page of ours, and ended once, by the same browser on the same device."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request

from gateway.console.login import sessions
from gateway.console.login.provider import Begun
from gateway.console.login.sessions import Device, LoginParts, Way
from gateway.conversion import converter
from gateway.errors import Unauthenticated

_KIND, _ENDED = "console-sign-in", "console-sign-in-ended"


class Pending(msgspec.Struct, frozen=True):
    """A sign-in that was begun; `challenge` is that of a passkey, `begun` the request that a provider holds."""

    way: Way
    after: str
    device: str
    challenge: bytes = b""
    begun: Begun | None = None


_pending = converter(Pending)


async def begin(parts: LoginParts, pending: Pending) -> str:
    """Keep a sign-in for some minutes, and return the secret for the browser that began it."""
    secret = sessions.new_secret()
    await asyncio.to_thread(
        parts.documents.put, _KIND, sessions.id_of(secret), msgspec.json.encode(pending), _expiry_us(parts)
    )
    return secret


async def take(parts: LoginParts, request: Request, device: Device, way: Way) -> Pending:
    """Return the sign-in that this browser began on this device, once only. Raises `Unauthenticated`."""
    secret = sessions.secret_in(request, sessions.LOGIN)
    found = await asyncio.to_thread(_take, parts, sessions.id_of(secret)) if secret else None
    if found is None or found.way is not way or found.device != device.thumbprint:
        raise Unauthenticated(
            "no sign-in of this browser is under way", code="no-sign-in", where="sign-in", remedy="begin again"
        )
    return found


def _take(parts: LoginParts, name: str) -> Pending | None:
    data = parts.documents.get(_KIND, name)
    # Of two requests that bring one secret, the one that writes this first goes on: reading and deleting would let
    # both.
    if data is None or parts.documents.put_new(_ENDED, name, b"1", _expiry_us(parts)) is not None:
        return None
    parts.documents.delete(_KIND, name)
    return _pending(msgspec.json.decode(data))


def _expiry_us(parts: LoginParts) -> int:
    return parts.clock.now_us() + sessions.LOGIN_S * 1_000_000
