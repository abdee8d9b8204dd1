"""Bring the home of a node up to date:

1. what is in the way is looked for; where there is something, nothing is changed;
2. folders that an earlier version did not have are made: it does not look at them;
3. a backup is made, and the migrations and the check of the logs are rehearsed on the copy that it was made of;
4. the backup is opened again, where its key is at hand;
5. the migrations are made in one transaction, in which the rows of all tables are counted before and after;
6. home and stores that have no id get that of the home (`ops.stores`), once those that have to fit were found to.

So an interruption at any moment leaves the schema of before or the new one. The same command given again makes another
backup and ends the work, or finds it done. The backup has the old schema: the program that wrote it restores it.

The way back is the same with the migrations undone, and no process may serve meanwhile. All entries stay, so witnesses
find the logs as they know them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from gateway.audit.verify.findings import Report
from gateway.clock import Clock
from gateway.config import Home, Settings
from gateway.errors import Contradicted, LiaisonError, Misconfigured, StorageBroken
from gateway.host.durable import make_folder
from gateway.ops.backup.backup import Made, make_backup
from gateway.ops.backup.restore import check_backup, verify_database
from gateway.ops.finding import Obstacles
from gateway.ops.homes.found_node import make_folders
from gateway.ops.homes.lock import only_one
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.stores import give_id, node_stores
from gateway.ops.upgrade.plan import Plan, plan_upgrade
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import HEAD, migrate, nothing_lost, removable, take_back
from gateway.storage.database.open import open_storage

KEY_NAME = "backup"
_OF_STORAGE = frozenset({"account", "room", "stores", "keystore", "logs"})
"""What is in the way back, too: the program before may read a policy that this one does not."""


@dataclass(frozen=True, slots=True)
class Place:
    """The file of a backup, the public key that it is sealed for, and the private one where it is at hand."""

    file: Path
    public: Path
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The backup that an upgrade made, its place, and what the rehearsal on its copy found about the logs."""

    made: Made
    place: Place
    logs: Report


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did. `kept` is None where no migration was missing."""

    plan: Plan
    folders: tuple[Path, ...]
    kept: Kept | None


def upgrade(home: Path, clock: Clock, given: Place | None = None) -> Upgraded:
    """Bring the home up to date. `given` is the place of the backup; without it, the folder `upgrades` of the home.

    Raises `Obstacles` for what is in the way, and the error of a step that failed: the home is then as before.
    """
    plan = plan_upgrade(home, clock)
    _refuse(plan)
    if not plan.is_needed:
        return Upgraded(plan, (), None)
    with _alone(plan):
        folders = tuple(make_folders(plan.settings))
        kept = _changed(plan, clock, given or _own_place(plan), _Change(migrate)) if plan.migrations else None
        if plan.without_id:
            with closing(open_storage(plan.settings)) as database:
                give_id(node_stores(plan.settings), database)
    return Upgraded(plan, folders, kept)


def go_back(home: Path, clock: Clock, schema: str, given: Place | None = None) -> Upgraded:
    """Give the database an earlier schema, for the program that had it. Raises like `upgrade`."""
    plan = plan_upgrade(home, clock)
    undone = removable(schema) if plan.schema == HEAD else ()
    found = [finding for finding in plan.obstacles if finding.check in _OF_STORAGE]
    if found:
        raise Obstacles(found)
    if not undone:
        raise Misconfigured(
            "the database has schema `{found}`: from there nothing leads back to `{schema}`",
            code="no-way-back",
            where=str(home),
            remedy="name an earlier schema than `{found}`: `liaison upgrade --check --home HOME`",
            found=plan.schema,
            schema=schema,
        )
    back = replace(plan, migrations=undone)
    _refuse_serving(back)
    with only_one(Home(back.settings.home).lock):
        change = _Change(partial(take_back, to=schema), taken_back=True)
        kept = _changed(back, clock, given or _own_place(back, schema), change)
    return Upgraded(back, (), kept)


def _refuse(plan: Plan) -> None:
    if plan.obstacles:
        raise Obstacles(plan.obstacles)
    if plan.needs_stop and plan.is_needed:
        _refuse_serving(plan)


def _refuse_serving(plan: Plan) -> None:
    if plan.processes:
        raise Misconfigured(
            "processes serve this node, and have to stop meanwhile: {count}",
            code="already-running",
            where=str(plan.settings.home),
            remedy="stop the node on each machine first, then try again",
            count=plan.processes,
        )


@contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Hold the home where no process may serve it meanwhile."""
    if not plan.needs_stop:
        yield
        return
    with only_one(Home(plan.settings.home).lock):
        yield


def _own_place(plan: Plan, to: str = HEAD) -> Place:
    """Return a place in the home for the backup. One that an interrupted upgrade left there is replaced."""
    folder = Home(plan.settings.home).upgrades
    make_folder(folder)
    key, public = folder / f"{KEY_NAME}.key", folder / f"{KEY_NAME}.pub"
    if not public.exists():
        key.unlink(missing_ok=True)
        make_key_pair(folder, KEY_NAME)
    file = folder / f"{plan.schema}-to-{to}.backup"
    file.unlink(missing_ok=True)
    return Place(file, public, key)


@dataclass(frozen=True, slots=True)
class _Change:
    """What is done with a database: its migrations, or the way back."""

    work: Callable[..., None]
    taken_back: bool = False

    def make(self, database: Database, *, shared: bool, alone: bool = True) -> None:
        """Do it, in one transaction. Whatever goes wrong is an error that says that nothing was changed."""
        guard = partial(nothing_lost, shared=shared, alone=alone, taken_back=self.taken_back)
        try:
            self.work(database, guard=guard)
        except Exception as error:
            if isinstance(error, LiaisonError) and error.code != StorageBroken.default_code:
                raise  # it names the cause, and its remedy
            raise StorageBroken(
                "a migration failed, and all of them were undone: {problem}",
                code="migration-failed",
                where="migrate",
                remedy="serve the node with the version that it has now, and report this",
                problem=str(error.__cause__ or error)[:300],
            ) from error


def _changed(plan: Plan, clock: Clock, place: Place, change: _Change) -> Kept:
    """Make a backup, rehearse on its copy, and then do it."""
    rehearsal = _Rehearsal(plan.settings, clock, change)
    made = make_backup(plan.settings, place.public, place.file, clock, rehearsal.look)
    if place.key is not None:
        check_backup(place.file, place.key, clock, plan.settings.home)
    with closing(open_storage(plan.settings)) as database:
        change.make(database, shared=database.shared, alone=plan.needs_stop or change.taken_back)
    return Kept(made, place, rehearsal.logs)


@dataclass(slots=True)
class _Rehearsal:
    """A change, and the check of the logs, on a copy of the database."""

    settings: Settings
    clock: Clock
    change: _Change
    logs: Report = field(default_factory=Report)

    def look(self, copy: Path, heads: Path) -> None:
        """Rehearse. Raises what the change would raise, and `Contradicted` where the logs lack what was signed."""
        with closing(open_database(copy)) as database:
            self.change.make(database, shared=False)
            self.logs = verify_database(database, self.settings, heads, self.clock, None)
        if self.logs.exit_code == 1:
            raise Contradicted(
                "the logs do not verify, so nothing was changed",
                code="logs-contradicted",
                where=str(self.settings.home),
                remedy="`liaison audit verify --home HOME` says what is wrong; restore a backup that verifies",
            )
