"""The security module of this process: one library, one thread that speaks to it, and one session with each token.

python-pkcs11 promises the library one thread (`C_Initialize(NULL)`): with more, SoftHSM damages the heap. A token that
vanishes can sign garbage without an error, and does not come back. So each signature is verified before it leaves here,
and after the first failure the module is lost for this process: `when_lost` names who ends it. OpenSSL
signs handshakes in the same library (`certs.hsm.openssl`), so all that call it hold one lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from certs.hsm.pin import read_pin
from certs.hsm.uri import KeyUri
from gateway.errors import LiaisonError, Misconfigured, Unavailable

ANSWER_S = 10.0
"""Seconds in which a module must have answered; a module over a network takes milliseconds."""

_P256 = bytes.fromhex("06082a8648ce3d030107")
_POINT_BYTES = {"EC": 65, "EC_EDWARDS": 32}
_MECHANISMS = {"EC": "ECDSA", "EC_EDWARDS": "EDDSA"}
_HAND_IN = "make the key pair in the token with the maker's tools, such as pkcs11-tool --keypairgen"

_T = TypeVar("_T")


class Verifies(Protocol):
    """The public half of a key, which decides whether a signature leaves the module."""

    def __call__(self, signature: bytes, data: bytes) -> None:
        """Raise any error unless `signature` is over `data`."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TokenKey:
    """A private key that stays in its token. `kind` is `EC` (P-256) or `EC_EDWARDS`; `point` is its public half."""

    uri: KeyUri
    kind: str
    point: bytes
    is_exportable: bool
    _object: Any
    _module: _Module

    def sign(self, items: Sequence[tuple[bytes, bytes]], verifies: Verifies) -> list[bytes]:
        """Return for each pair (what the module signs, what the signature is over) the signature, 64 bytes.

        All go through the module in one turn of its thread. Raises `Unavailable` where the module is lost.
        """
        mechanism = self._module.mechanism(_MECHANISMS[self.kind])

        def work() -> list[bytes]:
            return [bytes(self._object.sign(signed, mechanism=mechanism)) for signed, _ in items]

        signatures = self._module.ask(work)
        for signature, (_, data) in zip(signatures, items, strict=True):
            try:
                verifies(signature, data)
            except Exception as error:  # whatever is wrong with it, it must not leave
                raise self._module.lose("it gave a signature that does not fit its key") from error
        return signatures


class _Turns:
    """The one thread that speaks to the library. It does not keep its process from ending when the module hangs."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._run, name="security-module", daemon=True).start()

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Let the thread do `work` in its turn."""
        future: Future[_T] = Future()
        self._waiting.put((future, work))
        return future

    def _run(self) -> None:
        while True:
            future, work = self._waiting.get()
            try:
                with _lock:
                    made = work()
            except BaseException as error:  # noqa: BLE001 - it is raised where the work is waited for
                future.set_exception(error)
            else:
                future.set_result(made)


class _Module:
    """The loaded library and its thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.keys: WeakValueDictionary[str, TokenKey] = WeakValueDictionary()
        """By URI; a key that nothing holds any more may leave the token."""
        self._turns = _Turns()
        self._sessions: dict[tuple[str, bytes], Any] = {}
        self._lost = ""
        self._pkcs11, self._library = self._load()

    def ask(self, work: Callable[[], _T]) -> _T:
        """Do `work` in the module's thread. Any error, and an answer that does not come, lose the module."""
        if self._lost:
            raise _lost(self._lost)
        try:
            return self._turns.submit(work).result(ANSWER_S)
        except LiaisonError:
            raise
        except TimeoutError as error:
            raise self.lose("it does not answer") from error
        except Exception as error:
            raise self.lose(_told(error)) from error

    def lose(self, why: str) -> Unavailable:
        """Note that the module is lost, tell who ends the process, and return the error."""
        self._lost = why
        error = _lost(why)
        for end in _ends:
            end(error)
        return error

    def mechanism(self, name: str) -> Any:
        """Return a mechanism of PKCS#11 by its name."""
        return getattr(self._pkcs11.Mechanism, name)

    def open(self, uri: KeyUri) -> TokenKey:
        """Find the key of `uri`, and open its token where that was not done yet. Raises `Misconfigured`."""
        try:
            return self._turns.submit(partial(self._open, uri)).result(ANSWER_S)
        except LiaisonError:
            raise
        except TimeoutError as error:
            raise _unusable(uri, "the module does not answer", "check the module and its network") from error
        except Exception as error:
            raise _unusable(
                uri, _told(error), "check module, token and PIN: `pkcs11-tool --login --list-objects`"
            ) from error

    def _load(self) -> tuple[Any, Any]:
        try:
            import pkcs11  # of the extra `hsm`: few machines have a security module
        except ModuleNotFoundError as error:
            raise Misconfigured(
                "keys in a security module need the extra `hsm`",
                code="no-module",
                remedy='install it: pip install "liaison-gateway[hsm]"',
            ) from error
        try:
            return pkcs11, self._turns.submit(partial(pkcs11.lib, self.path)).result(ANSWER_S)
        except Exception as error:
            raise Misconfigured(
                "the library of the security module cannot be used: {why}",
                code="no-module",
                where=self.path,
                remedy="name the maker's PKCS#11 library: [keys] module, or module-path in the URI",
                why=_told(error),
            ) from error

    def _open(self, uri: KeyUri) -> TokenKey:
        session = self._session(uri)
        classes, attributes = self._pkcs11.ObjectClass, self._pkcs11.Attribute
        key = _only(self._objects(session, classes.PRIVATE_KEY, uri.object, uri.id), uri, "private key")
        identifier = uri.id or bytes(_attribute(key, attributes.ID) or b"")
        public = _only(self._objects(session, classes.PUBLIC_KEY, uri.object, identifier), uri, "public key")
        kind = key.key_type.name
        if kind not in _MECHANISMS or (kind == "EC" and bytes(public[attributes.EC_PARAMS]) != _P256):
            raise _unusable(uri, "it is of another kind", "use a key of the kind P-256 or Ed25519")
        point = bytes(public[attributes.EC_POINT])[-_POINT_BYTES[kind] :]
        is_exportable = bool(_attribute(key, attributes.EXTRACTABLE)) or not _attribute(key, attributes.SENSITIVE)
        return TokenKey(uri, kind, point, is_exportable, key, self)

    def _objects(self, session: Any, kind: Any, label: str, identifier: bytes) -> list[Any]:
        attributes = self._pkcs11.Attribute
        wanted: dict[Any, Any] = {attributes.CLASS: kind}
        wanted |= {attributes.LABEL: label} if label else {}
        wanted |= {attributes.ID: identifier} if identifier else {}
        return list(session.get_objects(wanted))

    def _session(self, uri: KeyUri) -> Any:
        token = _only(list(self._tokens(uri)), uri, "token")
        name = (token.label, bytes(token.serial))
        if name not in self._sessions:
            self._sessions[name] = token.open(user_pin=pin_of(uri))
        return self._sessions[name]

    def _tokens(self, uri: KeyUri) -> Iterator[Any]:
        for slot in self._library.get_slots(token_present=True):
            token = slot.get_token()
            found = (
                (uri.token, token.label),
                (uri.serial, bytes(token.serial).decode(errors="replace").strip()),
                (uri.manufacturer, _text(token.manufacturer_id)),
                (uri.model, _text(token.model)),
            )
            if all(not wanted or wanted == has for wanted, has in found):
                yield token


_loading = threading.Lock()
_lock = threading.RLock()
_pins: dict[str, str] = {}
_loaded: list[_Module] = []
_ends: list[Callable[[BaseException], None]] = []


def module_lock() -> threading.RLock:
    """Return the lock that each caller of the module's library holds, in any thread."""
    return _lock


def pin_of(uri: KeyUri) -> str:
    """Return the PIN of a URI's source; a descriptor gives it once, so it is kept. Raises `Misconfigured`."""
    if uri.pin_source not in _pins:
        _pins[uri.pin_source] = read_pin(uri.pin_source)
    return _pins[uri.pin_source]


def open_key(uri: KeyUri) -> TokenKey:
    """Return the key that `uri` names, the same one while it is in use. Raises `Misconfigured` with what is wrong."""
    with _loading:
        module = _module_of(uri)
        key = module.keys.get(uri.text)
        if key is None:
            key = module.keys[uri.text] = module.open(uri)
        return key


def opened_keys() -> list[TokenKey]:
    """Return the keys in the module that this process has in use."""
    return [key for module in _loaded for key in list(module.keys.values())]


def when_lost(end: Callable[[BaseException], None]) -> None:
    """Call `end` as soon as the module of this process is lost: what it signs from then on cannot be trusted."""
    _ends[:] = [end]


def _module_of(uri: KeyUri) -> _Module:
    if not uri.module_path:
        raise Misconfigured(
            "no library of the security module is named",
            code="no-module",
            where=str(uri),
            remedy="set [keys] module, or LIAISON_KEYS_MODULE, to the maker's PKCS#11 library",
        )
    path = os.path.realpath(uri.module_path)
    if not Path(path).is_file():
        raise Misconfigured(
            "there is no such library",
            code="no-module",
            where=uri.module_path,
            remedy="name the maker's PKCS#11 library: [keys] module, or module-path in the URI",
        )
    if not _loaded:
        _loaded.append(_Module(path))
    if _loaded[0].path != path:
        raise Misconfigured(
            "one process speaks to one security module, and this is another one",
            code="other-module",
            where=uri.module_path,
            remedy="keep the keys of one process in one module",
        )
    return _loaded[0]


def _only(found: Sequence[Any], uri: KeyUri, what: str) -> Any:
    if len(found) != 1:
        raise _unusable(uri, f"there are {len(found)} of the kind {what} with this name, not 1", _HAND_IN)
    return found[0]


def _attribute(key: Any, name: Any) -> Any:
    """Return an attribute, None where the module does not tell it."""
    try:
        return key[name]
    except Exception:  # noqa: BLE001 - each maker has other attributes that it does not tell
        return None


def _text(value: Any) -> str:
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()


def _told(error: BaseException) -> str:
    """Return the name of a module's error, which is what PKCS#11 has; its text may be empty."""
    return f"{type(error).__name__} {error}".strip()


def _lost(why: str) -> Unavailable:
    return Unavailable(
        "the security module is lost: {why}",
        code="module-lost",
        remedy="bring the token back, then start the process again: `liaison doctor` tries it",
        why=why,
    )


def _unusable(uri: KeyUri, why: str, remedy: str) -> Misconfigured:
    return Misconfigured(
        "this key in the security module cannot be used: {why}",
        code="key-not-usable",
        where=str(uri),
        remedy="{advice}",
        why=why,
        advice=remedy,
    )
