"""Tell an administrator how the node is kept: no record, no question and no name of a person asked for is in it.

What blocks is called in a thread. What takes long is a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.config import Home, Settings, load_settings
from gateway.config.changes import Changes, changes
from gateway.desk.evidence.passkeys import Enrolled, PasskeyBook
from gateway.desk.people.lists import Lists, read_lists
from gateway.errors import LiaisonError
from gateway.model.desk.work import Role
from gateway.ops.acts.enrolment import Enrolments
from gateway.ops.console.jobs import Job, JobKind, Jobs
from gateway.ops.console.settings_in_force import SettingInForce, settings_in_force
from gateway.ops.keys.status import describe_keys
from gateway.ops.policy.approvals import describe_policy
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ops.policy.policies import quota_rows
from gateway.ops.sources.status import own_source_status
from gateway.ports.desk import DeskStore, Work, WorkFilter
from gateway.ports.quotas import QuotaUse


@dataclass(frozen=True, slots=True)
class Administration:
    """What an administrator sees of one node.

    `settings` are those in force; `problems` are the reasons why the node is not ready now. `quota_uses` are the
    questions that were counted in the day of a moment.
    """

    home: Home
    production: bool
    jobs: Jobs
    settings: Callable[[], Settings]
    policy: PolicyKeeper
    quota_uses: Callable[[int], Sequence[QuotaUse]]
    problems: Callable[[], Sequence[LiaisonError]]
    store: DeskStore
    passkeys: PasskeyBook
    enrolments: Enrolments
    clock: Clock

    @property
    def place(self) -> Path:
        """The folder of the home, for commands."""
        return self.home.path

    def failing(self) -> list[Work]:
        """Return the work that waits for administrators: channels to people that fail, and the like."""
        return self.store.works(WorkFilter(roles=(Role.ADMINISTRATOR,), limit=50))

    def sources(self) -> list[dict[str, Any]]:
        """Return the freshness of each source and its key index."""
        return own_source_status(self.settings(), self.clock)

    def keys(self) -> dict[str, Any]:
        """Return every key and certificate of the home."""
        return describe_keys(self.place, self.clock)

    def policy_in_force(self) -> dict[str, Any]:
        """Return the policy in force, who approved it, and what waits."""
        return describe_policy(self.policy)

    def quotas(self) -> list[dict[str, Any]]:
        """Return how much of today's quotas is used."""
        return quota_rows(self.policy.engine, self.quota_uses(self.clock.now_us()))

    def settings_in_force(self) -> list[SettingInForce]:
        """Return all settings in force."""
        return settings_in_force(self.settings())

    def changed_settings(self) -> Changes:
        """Return the settings whose file says something else than what is in force. Raises `Misconfigured`."""
        return changes(self.settings(), load_settings(self.place))

    def people(self) -> Lists:
        """Return the persons and duty lists. Raises `Misconfigured`."""
        return read_lists(self.home.people, self.settings().node.member)

    def enrolled(self) -> list[Enrolled]:
        """Return all passkeys that were ever enrolled."""
        return self.passkeys.all()

    def source_ids(self) -> frozenset[str]:
        """Return the ids of the sources that this node reads itself."""
        return frozenset(source.id for source in self.settings().sources if not source.is_process)

    def start(self, form: str, kind: JobKind, by: str, subject: str = "", **given: Any) -> Job:
        """Begin a job on this home. Raises `Overloaded`."""
        about: Mapping[str, Any] = {"home": str(self.place), "production": self.production, "by": by}
        return self.jobs.start(form, kind, subject, by, {**about, **given})
