"""Make the home of a source process, its keys, and their certificates (`liaison source init` and `certify`).

The keys are made where the source runs and never leave it. Where the national authority is elsewhere, `init` writes
requests to take there; `certify` runs in the authority's folder and certifies only the two uses of a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import issue, load_authority
from certs.hsm.places import has_key
from certs.keyfiles import Algorithm, create_key, load_key
from certs.names import CertificateName, CertificateUse, Holder, label
from certs.profile import read_leaf
from certs.requests import build_request, read_request
from gateway.clock import Clock
from gateway.config.key_uris import MODULE_SETTINGS
from gateway.config.source_home import SourceHome, SourceKeys, write_source
from gateway.errors import Malformed, Misconfigured
from gateway.host.durable import PUBLIC, all_or_nothing, make_folder, note_made, write_new
from gateway.model.names import MemberId, member_id
from gateway.ops.homes.module_keys import ModuleKeys
from gateway.records.codes import require_country
from gateway.trust.ceremony.member_card import read_card

_KEYS = frozenset(item.name for item in fields(SourceKeys)) - frozenset(MODULE_SETTINGS)
_ALL_FILES = ModuleKeys()


@dataclass(frozen=True, slots=True)
class Founded:
    """The files made now, relative to the home, and the requests that still need the authority."""

    files: tuple[str, ...]
    requests: tuple[str, ...]


def certificate_names(member: MemberId, agency: str) -> dict[str, CertificateName]:
    """Return the names of a source process's two certified keys, by file: one signs records, one serves TLS."""
    label(agency, "agency")
    return {
        "record": CertificateName(member, CertificateUse.AGENCY, agency, Holder.OWN),
        "tls": CertificateName(member, CertificateUse.SOURCE, agency),
    }


@all_or_nothing()
def found_source(
    out: Path,
    member: str,
    agency: str,
    clock: Clock,
    *,
    authority: Path | None,
    statements: Sequence[Path],
    settings: Mapping[str, object],
    in_module: ModuleKeys = _ALL_FILES,
) -> Founded:
    """Make the home `out`. What exists is not changed; where it fails, nothing stays.

    `statements` are certificates of the node's statement keys.

    Without `authority` this writes requests for certificates: `<key>.csr`. Raises `Misconfigured`, `Malformed`.
    """
    known = member_id(member)
    if not SourceHome(out).settings.exists():
        require_country(known)
    names = certificate_names(known, agency)
    if authority is not None:
        _check_owner(authority, known)
    home = SourceHome(out)
    for folder in (home.path, home.keys, home.accepted, home.index, home.highwater):
        make_folder(folder)
    in_module.check_names(_KEYS)
    values = {"source.member": member, "source.agency": agency, **settings, **in_module.settings(_KEYS)}
    if is_new := write_source(home.path, values):
        note_made(home.settings)
    else:
        in_module.check_kept(home.keys, home.settings)
    made = [f"keys/{name}.key" for name in ("record", "tls", "log") if _make_key(home, name)]
    requests = []
    for name, use in names.items():
        if home.certificate(name).exists():
            continue
        if authority is not None:
            write_new(home.certificate(name), _certify(authority, home, name, use, clock), PUBLIC)
            made.append(f"keys/{name}.pem")
        else:
            requests.append(home.request(name).name)
            if not home.request(name).exists():
                write_new(home.request(name), build_request(_p256(home, name), use), PUBLIC)
                made.append(home.request(name).name)
    if authority is not None and not home.ca.exists():
        write_new(home.ca, load_authority(authority).pem, PUBLIC)
        made.append("ca.pem")
    made += [f"accepted/{name}" for name in _accept(home, statements, known)]
    made += ["source.toml"] if is_new else []
    return Founded(tuple(made), tuple(requests))


def source_settings(
    nodes: Sequence[str], mapping: Path | None, url: str, access: Path | None, listen: str
) -> dict[str, object]:
    """Return the given settings of source.toml; paths are made absolute, since the home is another folder."""
    given = {
        "source.nodes": list(nodes),
        "source.mapping": str(mapping.resolve()) if mapping else "",
        "source.url": _from_here(url),
        "source.access": str(access.resolve()) if access else "",
        "listen.address": listen,
    }
    return {path: value for path, value in given.items() if value}


def _from_here(url: str) -> str:
    """Return the address of a SQLite file of this folder with its absolute path; return another address as it is."""
    scheme, mark, path = url.partition(":///")
    file = Path(path)
    is_here = bool(mark) and scheme.startswith("sqlite") and not file.is_absolute() and file.is_file()
    return f"{scheme}:///{file.resolve()}" if is_here else url


@all_or_nothing()
def certify_requests(authority: Path, requests: Sequence[Path], out: Path, clock: Clock) -> dict[str, str]:
    """Certify requests of source processes of the authority's member into `out`, with `ca.pem`; return uses by file.

    Raises `Malformed` for a request of another kind or member: nothing is written then.
    """
    ca, member = load_authority(authority), read_card(authority).member
    read = [(path, *_request(path)) for path in requests]
    for path, _, name in read:
        if name.member != member or name not in certificate_names(name.member, name.name).values():
            raise Malformed(
                "`{uri}` is no use of a source process of `{member}`",
                code="wrong-use",
                where=str(path),
                uri=name.uri,
                member=member,
            )
    make_folder(out)
    made = {}
    for path, key, name in read:
        write_new(out / f"{path.stem}.pem", issue(ca, key, name, clock), PUBLIC)
        made[f"{path.stem}.pem"] = name.uri
    if not (out / "ca.pem").exists():
        write_new(out / "ca.pem", ca.pem, PUBLIC)
    return made


def _request(path: Path) -> tuple[ec.EllipticCurvePublicKey, CertificateName]:
    try:
        return read_request(_bytes(path))
    except Malformed as error:
        remedy = "name what `liaison source init` made: record.csr and tls.csr"
        raise Malformed(error.message, code=error.code, where=str(path), remedy=remedy) from error


def _make_key(home: SourceHome, name: str) -> bool:
    if has_key(home.key(name)):
        return False
    create_key(home.key(name), Algorithm.ED25519 if name == "log" else Algorithm.P256)
    return True


def _certify(authority: Path, home: SourceHome, name: str, use: CertificateName, clock: Clock) -> bytes:
    return issue(load_authority(authority), _p256(home, name).public_key(), use, clock)


def _p256(home: SourceHome, name: str) -> ec.EllipticCurvePrivateKey:
    key = load_key(home.key(name))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(home.key(name)))
    return key


def _accept(home: SourceHome, statements: Sequence[Path], member: MemberId) -> list[str]:
    made = []
    for path in statements:
        data = _bytes(path)
        leaf = read_leaf(data)
        if leaf.name.use is not CertificateUse.STATEMENT or leaf.name.member != member:
            raise Malformed(
                "`{uri}` signs no statements of `{member}`",
                code="wrong-use",
                where=str(path),
                remedy="give the node's keys/statement.pem",
                uri=leaf.name.uri,
                member=member,
            )
        target = home.accepted / f"statement-{leaf.key_id[:16]}.pem"
        if not target.exists():
            write_new(target, data, PUBLIC)
            made.append(target.name)
    return made


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}", code="no-file", where=str(path), strerror=error.strerror
        ) from error


def _check_owner(folder: Path, member: MemberId) -> None:
    card = read_card(folder)
    if card.member != member:
        raise Misconfigured(
            "this is the authority of `{member}`, not of `{other_member}`",
            code="other-member",
            where=str(folder),
            member=card.member,
            other_member=member,
        )
