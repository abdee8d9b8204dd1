"""Find out what an upgrade of a home would do, and what is in its way. Nothing is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.mapping.file import load_mapping
from gateway import __version__
from gateway.clock import Clock
from gateway.config import Home, Settings, argument, load_settings
from gateway.errors import LiaisonError, Misconfigured, each_of
from gateway.ops.doctor.doctor import found_by
from gateway.ops.doctor.home_checks import check_people, check_policy
from gateway.ops.doctor.listed_sources import check_listed_versions
from gateway.ops.doctor.name_checks import check_names
from gateway.ops.doctor.storage_checks import check_keystore, check_logs
from gateway.ops.finding import Check, CheckContext, Finding, failed, good, stop, warn
from gateway.ops.homes.found_node import missing_folders
from gateway.ops.homes.lock import is_held
from gateway.ops.stores import misfits, node_stores, was_never_served, without_id
from gateway.storage.database.leader import serving
from gateway.storage.database.migrate import HEAD, Migration, missing, version
from gateway.storage.database.open import is_made, open_storage

COPIES = 3
"""How often the database must fit on the disk once more: a copy, the sealed backup, and what a migration writes."""

_OTHER_HOMES = {"source.toml": "source", "witness.toml": "witness"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade would do with a home.

    `schema` is that of the database, None where there is none yet; `folders` are those that an earlier version did not
    have. `without_id` is what of home and stores gets the id of the home (`ops.stores`). `processes` is how many serve
    the node now.
    """

    settings: Settings
    program: str
    schema: str | None
    migrations: tuple[Migration, ...]
    folders: tuple[Path, ...]
    findings: tuple[Finding, ...]
    processes: int = 0
    without_id: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Tell whether there is something to do."""
        return bool(self.migrations or self.folders or self.without_id)

    @property
    def obstacles(self) -> tuple[Finding, ...]:
        """Return what is in the way."""
        return tuple(finding for finding in self.findings if finding.is_stop)

    @property
    def needs_stop(self) -> bool:
        """Tell whether no process may serve the node meanwhile: a file of SQLite, or a migration that says so."""
        return not self.settings.is_shared or any(migration.needs_stop for migration in self.migrations)


def plan_upgrade(home: Path, clock: Clock) -> Plan:
    """Return what an upgrade would do.

    Raises `Misconfigured` where this is not the home of a node or its settings cannot be read, and for a database of a
    newer version.
    """
    settings = _settings(home)
    place = Home(settings.home)
    context = CheckContext(settings, place, clock, production=settings.node.production, runs=is_held(place.lock))
    found, processes = None, 0
    if not was_never_served(settings) and is_made(settings):
        with closing(open_storage(settings)) as database:
            found = version(database)
            migrations = missing(found) if found is not None else ()
            processes = serving(database) if settings.is_shared and found is not None else int(context.runs)
    else:
        migrations = ()
    nameless = tuple(without_id(node_stores(settings))) if found is not None else ()
    plan = Plan(settings, __version__, found, migrations, tuple(missing_folders(settings)), (), without_id=nameless)
    checks: dict[str, Check] = {
        "account": _check_account,
        "room": _check_room,
        "stores": _check_stores,
        "keystore": check_keystore,
        "mappings": _check_mappings,
        "names": check_names,
        "people": check_people,
        "policy": check_policy,
        "listed versions": check_listed_versions,
    }
    if not processes:
        checks["logs"] = check_logs
    findings = (_schema(plan), *_processes(plan, processes), *found_by(checks, context))
    return replace(plan, findings=findings, processes=processes)


def _settings(home: Path) -> Settings:
    for name, kind in _OTHER_HOMES.items():
        if (home / name).is_file():
            raise Misconfigured(
                "this is the home of a {kind} process: it has no upgrade of its own",
                code="other-home",
                where=str(home),
                remedy="copy the folder while the process is stopped: its next start brings it up to date",
                kind=kind,
            )
    return load_settings(home)


def _schema(plan: Plan) -> Finding:
    if plan.schema is None:
        return good("schema", "there is no database yet: the first start makes one of this version")
    if not plan.migrations:
        return good("schema", f"the database has schema `{plan.schema}`, that of version {plan.program}")
    steps = "; ".join(f"{each.revision}: {each.text}" for each in plan.migrations)
    return warn(
        "schema",
        f"the database has schema `{plan.schema}`; to `{HEAD}` ({steps})",
        f"liaison upgrade --run --home {argument(plan.settings.home)}",
    )


def _processes(plan: Plan, count: int) -> Iterator[Finding]:
    """Find processes that serve the node while something is to be done. A check is often made beside them."""
    if not count or not plan.is_needed:
        return
    text = f"{count} process serves this node" if count == 1 else f"{count} processes serve this node"
    if not plan.needs_stop:
        yield good("processes", f"{text}, and can go on meanwhile: the migrations only add")
        return
    whys = [f"{each.revision} ({each.needs_stop})" for each in plan.migrations if each.needs_stop]
    why = f"; migration {', '.join(whys)} cannot be made beside it" if plan.settings.is_shared and whys else ""
    yield warn("processes", f"{text}{why}", "stop the node on each machine before `--run`")


def _check_account(context: CheckContext) -> list[Finding]:
    """Check that the files belong to this account: what another one writes, the node could not open afterwards."""
    settings = context.settings
    file = settings.database_file if not settings.is_shared and is_made(settings) else settings.home
    if (owner := file.stat().st_uid) == os.geteuid():
        return []
    remedy = f"run it as that account (sudo -u '#{owner}')"
    return [stop("account", f"it belongs to the account {owner}, and this is {os.geteuid()}", remedy, str(file))]


def _check_room(context: CheckContext) -> list[Finding]:
    """Check that the backup and the migration have room. What a server's disk has cannot be seen from here."""
    settings = context.settings
    if settings.is_shared or not is_made(settings):
        return []
    needed = COPIES * settings.database_file.stat().st_size
    free = min(shutil.disk_usage(folder).free for folder in (settings.home, settings.database_file.parent))
    told = f"{needed / 1e6:,.0f} MB are needed for a while, and {free / 1e6:,.0f} MB are free"
    if free < needed:
        return [stop("room", told, "free space on the disk of the home", str(settings.home))]
    return [good("room", told)]


def _check_stores(context: CheckContext) -> list[Finding]:
    """Check that no store is another home's, and that those without id can get this home's: they fit its database."""
    return [failed("stores", misfit, "mount its disk") for misfit in misfits(node_stores(context.settings))]


def _check_mappings(context: CheckContext) -> list[Finding]:
    """Check that this version reads the mappings. No source is asked."""
    findings = []
    for source in context.settings.sources:
        if source.is_process or not source.mapping:
            continue
        try:
            load_mapping(context.settings.path(source.mapping))
        except LiaisonError as error:
            remedy = "write it as this version reads it (docs/guides/mapping.md)"
            findings += [
                stop("mappings", f"`{source.id}`: {each.message}", each.remedy or remedy, each.where)
                for each in each_of(error)
            ]
    return findings or [good("mappings", "this version reads them")]
