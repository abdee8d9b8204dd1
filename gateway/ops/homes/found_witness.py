"""Make the home of a domestic witness (`liaison witness init`), whose administrator is not the node's."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import pinned_server
from certs.hsm.places import has_key
from certs.keyfiles import Algorithm, create_key, create_witness_key, load_key
from certs.names import witness_tls_name
from gateway.clock import Clock
from gateway.config.witness_home import WitnessHome, write_witness
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, all_or_nothing, make_folder, note_made, write_new
from gateway.model.names import MemberId, member_id
from gateway.ops.homes.module_keys import ModuleKeys
from gateway.records.codes import require_country
from gateway.signing.witness_keys import load_witness_signing_key
from gateway.trust.ceremony.witness_card import WitnessCard, build_witness_card

_KEYS = frozenset({"witness"})
_ALL_FILES = ModuleKeys()
_COSIGNING = {"witness": Algorithm.ED25519, "witness-mldsa": Algorithm.MLDSA44}


@all_or_nothing()
def found_witness(out: Path, member: str, listen: str, clock: Clock, in_module: ModuleKeys = _ALL_FILES) -> list[str]:
    """Make the home `out`, and return the files made, relative to it. What exists is not changed.

    Where it fails, nothing stays.

    Raises `Misconfigured` when there is a home already whose keys are gone: new keys would be another witness.
    """
    known = member_id(member)
    if not WitnessHome(out).settings.exists():
        require_country(known)
    home = WitnessHome(out)
    make_folder(home.path)
    made = []
    if home.database.exists() and not all(has_key(home.key(name)) for name in _COSIGNING):
        raise Misconfigured(
            "this witness has a memory and no keys",
            code="no-witness-key",
            where=str(home.keys),
            remedy="bring the keys back, or make a new witness in another folder",
        )
    for folder in (home.keys, home.trust):
        make_folder(folder)
    in_module.check_names(_KEYS)
    values = {"witness.member": member} | ({"listen.address": listen} if listen else {}) | in_module.settings(_KEYS)
    if is_new := write_witness(out, values):
        note_made(home.settings)
    else:
        in_module.check_kept(home.keys, home.settings)
    for name, algorithm in _COSIGNING.items():
        if not has_key(home.key(name)):
            create_witness_key(home.key(name), algorithm)
            made.append(f"keys/{name}.key")
    made += _make_server(home, known, clock)
    if not home.card.exists():
        keys = tuple(load_witness_signing_key(home.key(name)).public for name in _COSIGNING)
        card = WitnessCard(known, keys, home.certificate("tls").read_bytes())
        write_new(home.card, build_witness_card(card), PUBLIC)
        made.append(home.card.name)
    return made + (["witness.toml"] if is_new else [])


def _make_server(home: WitnessHome, member: MemberId, clock: Clock) -> list[str]:
    made = []
    if not home.key("tls").exists():
        create_key(home.key("tls"), Algorithm.P256)
        made.append("keys/tls.key")
    if not home.certificate("tls").exists():
        key = load_key(home.key("tls"))
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Misconfigured("a server has a P-256 key", code="key-not-admitted", where=str(home.key("tls")))
        write_new(home.certificate("tls"), pinned_server(key, witness_tls_name(member), clock), PUBLIC)
        made.append("keys/tls.pem")
    return made
