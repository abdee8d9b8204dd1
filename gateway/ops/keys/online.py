"""Renew the certificate that counterparts are shown, by the home's online CA (decision 0062).

Counterparts know the online CA from the descriptor. Sources and agency systems of the own country know the national CA
only, so that the certificate of the national CA stays in its file, for them.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Authority, issue
from certs.keyfiles import key_id, load_key, public_key, spki
from certs.profile import Leaf, read_leaf
from gateway.clock import DAY_US, Clock, from_us, rfc3339_s
from gateway.config import Home
from gateway.errors import LiaisonError, Malformed, Misconfigured
from gateway.host import durable
from gateway.host.durable import PUBLIC
from gateway.model.names import MemberId
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.steps import Standing
from gateway.ports.entries import events
from gateway.ports.holders import NoneKnown
from gateway.ports.journal import EntryDraft
from gateway.trust.ceremony.key_request import ONLINE_CA
from gateway.trust.view import TrustView

RENEWED_DAYS = 90
"""Days for which the online CA certifies a key."""

BEFORE_DAYS = 30
"""Days before the end of a certificate from which it is renewed."""


def exchange_certificate(home: Home) -> Path:
    """Return the file of the certificate that counterparts are shown: of the two for the key `tls`, the later to end.

    One of the online CA that is for an earlier key, or cannot be read, is passed over.
    """
    national, online = home.certificate("tls"), home.exchange_certificate
    renewed = _read(online)
    if renewed is None or renewed.spki != spki(public_key(home.key("tls"))):
        return national
    held = _read(national)
    return online if held is None or renewed.stop_us > held.stop_us else national


def exchange_end(home: Home) -> int | None:
    """Return the end (microseconds since 1970) of the certificate that counterparts are shown."""
    leaf = _read(exchange_certificate(home))
    return leaf.stop_us if leaf else None


class OnlineRenewal:
    """Renews the certificate of the key `tls` from 30 days before its end, and drops one that counterparts refuse."""

    def __init__(self, home: Home, member: MemberId, clock: Clock) -> None:
        self._home = home
        self._member = member
        self._clock = clock

    def look(self, view: TrustView) -> list[EntryDraft]:
        """Make the step that is due; return an entry for it. Blocks. Costs a look at two files without an online CA."""
        if not (self._home.key(ONLINE_CA).exists() or self._home.exchange_certificate.exists()):
            return []
        with Rotations(self._home).locked():
            return self._drop(view) or self._renew(view)

    def _drop(self, view: TrustView) -> list[EntryDraft]:
        """Remove a renewed certificate that counterparts refuse, as after the removal of the online CA."""
        path = self._home.exchange_certificate
        if exchange_certificate(self._home) != path:
            return []
        try:
            view.peer(path.read_bytes())
        except LiaisonError as error:
            identity = load_id(self._home)
            path.unlink()
            return [events.KEY.draft(use="tls", key=identity, step="dropped", detail=error.message[:500])]
        return []

    def _renew(self, view: TrustView) -> list[EntryDraft]:
        standing = Standing(self._member, view, NoneKnown(), self._clock.now_us())
        ca, end_us = self._authority(standing), exchange_end(self._home)
        listed = standing.listed(load_id(self._home)) if standing.version else None
        if ca is None or listed is None or end_us is None or not standing.is_usable(listed.key_id):
            return []
        if end_us - standing.now_us >= BEFORE_DAYS * DAY_US:
            return []
        until = min(ca.certificate.not_valid_after_utc, from_us(listed.stop_us))
        days = min(RENEWED_DAYS, (until - self._clock.now()).days)
        if standing.now_us + days * DAY_US < end_us + DAY_US:
            return []  # the online CA, or the listing, ends as soon: only the authority can go on
        pem = issue(ca, _public(self._home), listed.leaf().name, self._clock, days=days)
        view.peer(pem)  # counterparts take it as we do
        durable.replace(self._home.exchange_certificate, pem, PUBLIC)
        told = f"the online CA certified it until {rfc3339_s(read_leaf(pem).stop_us)}"
        return [events.KEY.draft(use="tls", key=listed.key_id, step="renewed", detail=told)]

    def _authority(self, standing: Standing) -> Authority | None:
        """Return our online CA while the descriptor lists it and no status removed it."""
        path = self._home.key(ONLINE_CA)
        if not path.exists() or not standing.version:
            return None
        key = load_key(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Misconfigured("an online CA has a P-256 key", code="key-not-admitted", where=str(path))
        for listed in standing.descriptor.keys:
            if listed.spki == spki(key.public_key()) and standing.is_usable(listed.key_id):
                return Authority(key, listed.online_ca(standing.member))
        return None


def load_id(home: Home) -> str:
    """Return the id of the key `tls` of a home."""
    return key_id(spki(public_key(home.key("tls"))))


def _public(home: Home) -> ec.EllipticCurvePublicKey:
    key = public_key(home.key("tls"))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(home.key("tls")))
    return key


def _read(path: Path) -> Leaf | None:
    try:
        return read_leaf(path.read_bytes())
    except (OSError, Malformed):
        return None
