"""Make a member's authority and the home of its node (`liaison init`). Running it again makes only what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path

from gateway.clock import Clock
from gateway.config import PACKAGED_POLICY, Home, Settings, TrialOfficer, load_settings, write_default
from gateway.config.key_uris import MODULE_SETTINGS
from gateway.config.schema import Keys
from gateway.desk.people.cards import CARDS, CARDS_EXAMPLE
from gateway.desk.people.lists import DUTY, DUTY_EXAMPLE, PERSONS, PERSONS_EXAMPLE
from gateway.errors import Misconfigured
from gateway.host.durable import PRIVATE, all_or_nothing, make_folder, note_made, write_new
from gateway.host.durable import replace as write_whole
from gateway.model.names import identifier, member_id
from gateway.model.purpose import Purpose
from gateway.ops.homes.module_keys import AUTHORITY, ModuleKeys
from gateway.ops.stores import give_id, misfits, node_stores
from gateway.records.codes import require_country
from gateway.storage.database.migrate import migrate, version
from gateway.storage.database.open import check_address, is_made, open_storage, refuse_password
from gateway.trust.ceremony.found_member import check_authority_of, create_member, create_member_keys

_TRIAL_PURPOSES = tuple(
    purpose.value for purpose in Purpose if purpose not in (Purpose.AUDIT, Purpose.STATISTICS, Purpose.TRAINING)
)


_HOME_KEYS = frozenset(item.name for item in fields(Keys)) - frozenset(MODULE_SETTINGS)
_ALL_FILES = ModuleKeys()


@dataclass(frozen=True, slots=True)
class Made:
    """The files that were made now, of the authority and of the home, relative to each."""

    authority: tuple[str, ...]
    home: tuple[str, ...]


@all_or_nothing()
def found(
    home: Path,
    authority: Path,
    member: str,
    clock: Clock,
    *,
    agencies: Sequence[str] = (),
    name: str = "",
    listen: dict[str, str] | None = None,
    database: str = "",
    in_module: ModuleKeys = _ALL_FILES,
) -> Made:
    """Make `authority` (to be kept offline) and `home`. What exists is not changed; where it fails, nothing stays.

    Agencies of `[[source]]` in an existing node.toml get their key, too, unless the source is a process with its own.
    A home in production gets no key that stops it there: agencies hold their own, and tokens come from a provider.
    `database` is the address of PostgreSQL for a home that is made now, `in_module` names keys that exist in a security
    module. Raises `Misconfigured` when a folder is another member's, `Malformed` for text that is not an id.
    """
    member_id(member)
    agencies = [identifier(agency, "agency") for agency in agencies]
    if (before := _settings_before(home, member)) is None:
        require_country(member)
    node_name = before.node.name if before else name or "gw1"
    if name and name != node_name:
        raise Misconfigured(
            "this home is the node `{node_name}`",
            where=str(Home(home).settings),
            remedy="leave --name away",
            node_name=node_name,
        )
    check_authority_of(home, authority)
    _check_database(before, home, database)
    _check_keys(before, home, in_module)
    wanted = _agencies(before, [*agencies, *(key.id for key in in_module.agencies)])
    make_folder(authority)
    in_authority = in_module.write_authority(authority) + create_member(authority, member, clock)
    make_folder(home)
    given = _settings(member, node_name, listen, database) | in_module.settings(_HOME_KEYS)
    given |= in_module.module_settings if in_module.agencies else {}
    officers = [_officer(member, agency) for agency in wanted[:1]]
    if is_new := write_default(home, given, officers=officers, agency_keys=in_module.agencies):
        note_made(Home(home).settings)
    tries = before is None or bool(before.trial_officers and not before.node.production)
    made = create_member_keys(home, authority, member, wanted, node_name, clock, with_issuer=tries)
    made += ["node.toml"] if is_new else []
    settings = load_settings(home)
    made += [f"{folder.name}/" for folder in make_folders(settings)] + _database(settings)
    return Made(tuple(in_authority), tuple(made))


def _settings_before(home: Path, member: str) -> Settings | None:
    if not Home(home).settings.exists():
        return None
    settings = load_settings(home)
    if settings.node.member != member:
        raise Misconfigured(
            "this home is of `{member}`, not of `{other_member}`",
            code="other-member",
            where=settings.origin["node.member"],
            remedy="choose another folder",
            member=settings.node.member,
            other_member=member,
        )
    return settings


def _check_keys(before: Settings | None, home: Path, in_module: ModuleKeys) -> None:
    in_module.check_names({*_HOME_KEYS, *AUTHORITY}, agencies=True)
    if before is not None:
        own = {name: uri for name, uri in in_module.uris.items() if name not in AUTHORITY}
        ModuleKeys(own).check_kept(Home(home).keys, Home(home).settings)


def _check_database(before: Settings | None, home: Path, database: str) -> None:
    """Refuse an address that could not be used, and another database than the home has."""
    if not database:
        return
    if before is not None and before.storage.url != database:
        raise Misconfigured(
            "this home has another database",
            code="other-database",
            where=before.origin["storage.url"] or str(Home(home).settings),
            remedy="leave --database away; a log stays in the database that it began in",
        )
    refuse_password(database, "--database")
    check_address(database)


def _agencies(before: Settings | None, given: Sequence[str]) -> list[str]:
    """Return the agencies whose keys the home holds: those given, and those of its sources; `police` in a new home."""
    if before is None:
        return list(dict.fromkeys(given)) or ["police"]
    if before.node.production:
        if given:
            raise Misconfigured(
                "a node in production holds no keys of agencies",
                code="agency-key-held",
                where=before.origin["node.production"],
                remedy="make the key where the agency's source runs: `liaison source init`",
            )
        return []
    known = [source.agency for source in before.sources if not source.is_process]
    return list(dict.fromkeys([*given, *known]))


def _settings(member: str, name: str, listen: dict[str, str] | None, database: str) -> dict[str, str]:
    settings = {"node.member": member, "node.name": name}
    if not (PACKAGED_POLICY / "national" / member).is_dir():
        settings["policy.national"] = "policy"
    if database:
        settings["storage.url"] = database
    return settings | {f"listen.{key}": address for key, address in (listen or {}).items() if address}


def _officer(member: str, agency: str) -> TrialOfficer:
    return TrialOfficer(f"{member}.o.1042", f"{member}.blo.trial", agency, "officer", _TRIAL_PURPOSES)


def missing_folders(settings: Settings) -> list[Path]:
    """Return the folders of a home that are not there, or were made by an earlier version that had fewer."""
    home, policy = Home(settings.home), settings.national_policy
    own = [policy] if policy.parent == home.path else []
    wanted = (home.trust, home.mappings, home.index, home.highwater, *own, home.people)
    return [folder for folder in wanted if not folder.is_dir()]


def make_folders(settings: Settings) -> list[Path]:
    """Make the folders that are missing, and return them.

    A national policy that is not there yet begins empty, which denies everything. The folder of persons and duty lists
    gets tables that say what is in them.
    """
    made, people = missing_folders(settings), Home(settings.home).people
    for folder in made:
        aside = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        if folder == people:
            for name, text in ((PERSONS, PERSONS_EXAMPLE), (DUTY, DUTY_EXAMPLE), (CARDS, CARDS_EXAMPLE)):
                write_whole(aside / name, text.encode(), PRIVATE)
        aside.rename(folder)
        note_made(folder)
    return made


def _database(settings: Settings) -> list[str]:
    made, stores = [], node_stores(settings)
    for misfit in misfits(stores):
        raise misfit
    if not settings.keystore.is_dir():
        made.append(f"{settings.keystore.name}/")
    if not is_made(settings):
        made.append(settings.database_file.name)
        with suppress(Misconfigured):  # another one has begun it, or opening it tells why it cannot be made
            write_new(settings.database_file, b"")
    with closing(open_storage(settings)) as database:
        if settings.is_shared and version(database) is None:
            made.append("tables in PostgreSQL")
        migrate(database)
        give_id(stores, database)
    return made
