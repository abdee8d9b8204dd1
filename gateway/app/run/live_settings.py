"""Read the settings again while the node runs, and put those in force for which that is safe.

Own rows of tables of names need a restart: the key indexes hold keys that were made with the rows in force, and a query
with others would miss them. So do mappings and other files that are read at the start (`config.start_files`): each is
named where it is another one now, once a start would take it.

`liaison reload` writes a request into the home, and each process answers it in a file of its own; SIGHUP asks one
process. A file that cannot be used changes nothing. What needs a restart is told, and stays as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from gateway.agency.calls.allowance import Allowance
from gateway.agency.officer_tokens.keys import token_keys
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.app.answering_parts import Answering, admission_limits, debt_limits
from gateway.app.resources import Resources, check_owners, wall_limits
from gateway.config import Settings, load_settings
from gateway.config.changes import Changes, changes, taken_over
from gateway.config.file_marks import FileMarks
from gateway.config.start_files import changed_files
from gateway.desk.people.lists import read_lists
from gateway.errors import LiaisonError, each_of
from gateway.exchange.asking.ask import Asker
from gateway.matching.own_rows.changed import changed_rows
from gateway.matching.scripts.tables import own_rows
from gateway.ops.doctor.home_checks import check_trial
from gateway.ops.finding import CheckContext, Obstacles
from gateway.ops.homes.own_tables import read_own_tables
from gateway.ops.homes.reload_request import Reloaded, answer_reload, asked_reload
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing.jws import PublicKey
from gateway.telemetry import Logger, LogLine, configure_logging
from policy.engine.engine import PolicyEngine

_KEYS, _POLICY = "token_key", "policy.national"


@dataclass(frozen=True, slots=True)
class Tuned:
    """The parts of a node that take other settings while they run."""

    answering: Answering
    asker: Asker
    allowance: Allowance
    tokens: OfficerTokens


class LiveSettings:
    """The settings of a running node. The loop of the node puts them in force; files are read in a thread."""

    def __init__(
        self,
        resources: Resources,
        tuned: Tuned,
        *,
        production: bool,
        place: int,
        note: Callable[[EntryDraft], Awaitable[object]],
    ) -> None:
        self._resources = resources
        self._tuned = tuned
        self._production = production
        self._place = place
        self._note = note
        self._log = Logger(component="node", member=resources.member)
        self._marks = FileMarks(resources.clock.monotonic)
        self._answered = asked_reload(resources.home)
        self._is_asked = asyncio.Event()

    def ask(self) -> None:
        """Ask for the settings to be read again at the next round (SIGHUP)."""
        self._is_asked.set()

    async def round(self) -> None:
        """Read the settings again where somebody asked for it; answer a request."""
        request = await asyncio.to_thread(self._request)
        if not (request or self._is_asked.is_set()):
            return
        self._is_asked.clear()
        found = await self.reload()
        if request:
            self._answered = request
            await asyncio.to_thread(answer_reload, self._resources.home, self._place, replace(found, id=request))

    def _request(self) -> str:
        """Return the id of a request that is not answered yet; empty without one."""
        if not self._marks.look([self._resources.home.reload]):
            return ""
        asked = asked_reload(self._resources.home)
        self._marks.read()
        return "" if asked == self._answered else asked

    async def reload(self) -> Reloaded:
        """Read the settings, put in force what may change, and write an entry and a log line of the result."""
        before = self._resources.settings
        try:
            after, keys, others, policy = await asyncio.to_thread(self._read)
        except LiaisonError as error:
            self._log.warning(LogLine.NODE_NOT_RELOADED, error)
            told = "; ".join(map(str, each_of(error)))
            await self._note(events.SETTINGS.draft(code=error.code, detail=told[:500]))
            return Reloaded(refused=told)
        found = changes(before, after)
        found = Changes(found.live, (*found.restart, *others))
        if self._take(taken_over(before, after), keys) and not any(path.startswith(_KEYS) for path in found.live):
            found = Changes((*found.live, _KEYS), found.restart)  # another key in the same file
        if policy is not None and await asyncio.to_thread(self._resources.policy.enforce_folder, policy):
            found = Changes((*found.live, _POLICY), found.restart)
        self._log.info(LogLine.NODE_RELOADED, count=len(found.live), target=", ".join(found.restart))
        if found.live or found.restart:
            await self._note(events.SETTINGS.draft(changed=list(found.live), restart=list(found.restart)))
        return Reloaded(found.live, found.restart)

    def _read(self) -> tuple[Settings, dict[str, PublicKey], list[str], PolicyEngine | None]:
        """Read the settings, the keys of tokens, and which rows of names and files differ from those in force.

        The last part is the policy of the folder that decides, where its files are others now.

        Raises `Misconfigured` for what a start would refuse.
        """
        settings, clock = load_settings(self._resources.home.path), self._resources.clock
        context = CheckContext(settings, self._resources.home, clock, production=self._production)
        if found := [finding for finding in check_trial(context) if finding.is_stop]:
            raise Obstacles(found)
        read_lists(self._resources.home.people, self._resources.member)
        rows = changed_rows(own_rows(), read_own_tables(self._resources.home.path))
        if files := changed_files(settings, self._resources.files):
            check_owners(settings)
        policy = self._resources.policy.changed_folder()
        return settings, token_keys(settings, clock, self._production), [*rows, *files], policy

    def _take(self, settings: Settings, keys: dict[str, PublicKey]) -> bool:
        """Put settings in force; tell whether the keys of tokens are others."""
        tuned, limits, before = self._tuned, settings.limits, self._resources.settings
        configure_logging(settings.telemetry.log_level)
        if limits != before.limits:  # a rate that is set again begins with a full burst
            tuned.answering.answerer.limit(admission_limits(limits), limits.source_timeout_ms / 1000)
            tuned.answering.debts.limits = debt_limits(limits)
            tuned.asker.limit(limits.budget_ms / 1000)
            tuned.allowance.limit(limits)
        for wall, old, new in zip(self._resources.walls, before.sources, settings.sources, strict=True):
            if new != old:
                wall.limit(wall_limits(new))
        self._resources.reserve.reserve_mib = settings.storage.reserve_mib
        self._resources.settings = settings
        if settings.sources != before.sources:
            for renew in self._resources.renewed:
                renew()
        return tuned.tokens.renew(keys)
