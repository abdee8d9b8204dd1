"""The checks of what a home keeps: its keystore, its database, and its logs against every head that was signed."""

from __future__ import annotations

from contextlib import closing

from gateway.audit.log.examine import examine_log
from gateway.audit.retention.destroyed_keys import Tombstones
from gateway.config import argument
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import member_id
from gateway.ops.doctor.key_checks import made_by
from gateway.ops.finding import CheckContext, Finding, failed, good, stop, warn
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ops.stores import faults, node_stores, require_database, was_never_served, without_id
from gateway.ports.journal import LogName
from gateway.storage.database.home_id import read_id
from gateway.storage.database.migrate import HEAD, UPGRADE, check_known, is_readable, version
from gateway.storage.database.open import is_made, open_storage
from gateway.storage.database.postgres import describe
from gateway.storage.keys.key_faults import key_faults
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore


def check_stores(context: CheckContext) -> list[Finding]:
    """Check that keystore, key indexes, attachments and database carry the id of this home, and write nothing."""
    stores = node_stores(context.settings)
    found = [failed("stores", fault, "mount its disk") for fault in faults(stores)]
    if found or was_never_served(context.settings) or without_id(stores):
        return found
    return [good("stores", "keystore, key indexes, attachments and database are those of this home")]


def check_keystore(context: CheckContext) -> list[Finding]:
    """Check that each content key can be read, and the list of destroyed ones. `stores` tells of another's keystore."""
    Tombstones(context.home.tombstones).destroyed()
    keystore = context.settings.keystore
    if read_id(keystore) != read_id(context.home.path):
        return []
    found = key_faults(keystore)
    restore = "restore the file from the copy of the keystore (storage.key_copy)"
    lost = KeyStore(keystore).lost_keys() if keystore.is_dir() else []
    findings = [failed("keystore", fault, restore) for fault in found]
    if lost:
        text = f"keys are lost, and what lies under them cannot be read: {', '.join(lost)}"
        declared = "where one is lost for good, two persons declare it once its month is over"
        findings.append(warn("keystore", text, f"{restore}; {declared}: liaison audit erase --lost-key KEY"))
    return findings or [good("keystore", "its keys can be read")]


def check_database(context: CheckContext) -> list[Finding]:
    """Check that the database opens, is durable, and has a schema that this version knows."""
    settings = context.settings
    if was_never_served(context.settings):
        return [warn("database", "there is no database yet", "`liaison init` or the first start makes it")]
    try:
        require_database(settings)
    except Misconfigured as error:
        return [failed("database", error, "put it back")]
    if not is_made(settings):
        return [stop("database", "there is no database", made_by(context), str(settings.database_file))]
    with closing(open_storage(settings)) as database:
        found, words = version(database), describe(database)
    check_known(found)
    if found != HEAD:
        text, place = f"the database has schema `{found}`, not `{HEAD}`", argument(context.home.path)
        return [stop("database", text, UPGRADE.replace("HOME", place), code="old-schema")]
    return [good("database", words)]


def check_logs(context: CheckContext) -> list[Finding]:
    """Hash all entries again, and compare them with every head that this home signed.

    A node that runs does that itself, and some old schemas are brought up to date before their logs can be read.
    """
    if context.runs:
        return [good("logs", "the process that serves this home has checked them")]
    require_database(context.settings)
    if not is_made(context.settings):
        return []
    key, member = load_log_keys(context.home), member_id(context.settings.node.member)
    findings, sizes = [], {}
    with closing(open_storage(context.settings)) as database:
        if not is_readable(version(database)):
            return []
        store = SqlLogStore(database)
        for name in (LogName.EXCHANGE, LogName.OPERATIONS):
            try:
                found = examine_log(store, key, member, name, context.home.highwater)
                sizes[name] = found.size if found else 0
            except LiaisonError as error:
                findings.append(failed("logs", error, "restore the database that belongs to this home"))
    counts = ", ".join(f"{size} of the {name} log" for name, size in sizes.items())
    return findings or [good("logs", f"all entries are those that were signed: {counts}")]
