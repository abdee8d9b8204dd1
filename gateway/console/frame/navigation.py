"""The pages that a person finds in the navigation, by the roles of the desk."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.console.frame.shapes import Link
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.model.desk.work import Role

TOKENS = "/misuse"
"""Names the page of tokens "not this person", to which the page of a thread leads as well."""

_WORDS: Sentences = {
    "/gate": "Gate",
    "/desk": "Desk",
    "/alerts": "Alerts",
    "/watches": "Watches",
    "/reports": "Reports",
    "/operations": "Operations",
    "/holders": "Copies",
    TOKENS: "Tokens",
    "/incidents": "Incidents",
    "/freezes": "Frozen accounts",
    "/neighbours": "Neighbours",
    "/figures": "Figures",
    "/audit": "Audit",
    "/admin": "Administration",
}

WORKERS = frozenset(Role) - {Role.AUDITOR, Role.ADMINISTRATOR}
"""The roles that do the work of the desk."""

# In the order of the navigation: a person begins with the first page that is open to one of their roles.
OPEN_TO: Mapping[str, frozenset[Role]] = {
    "/gate": frozenset({Role.OFFICER}),
    "/desk": WORKERS,
    "/alerts": WORKERS,
    "/watches": WORKERS,
    "/reports": WORKERS - {Role.SECURITY_OFFICER},
    "/operations": WORKERS,
    "/holders": frozenset(
        {Role.NATIONAL_DESK, Role.HEAD_OF_DESK, Role.DATA_OFFICER, Role.SECURITY_OFFICER, Role.AUDITOR}
    ),
    TOKENS: frozenset({Role.DATA_OFFICER}),
    "/incidents": frozenset({Role.SECURITY_OFFICER, Role.NATIONAL_DESK}),
    "/freezes": frozenset({Role.SECURITY_OFFICER, Role.HEAD_OF_DESK}),
    "/neighbours": frozenset(Role),
    "/figures": frozenset({Role.SUPERVISOR, Role.NATIONAL_DESK, Role.HEAD_OF_DESK}),
    "/audit": frozenset({Role.AUDITOR}),
    "/admin": frozenset({Role.ADMINISTRATOR}),
}
"""The roles that find a page. The use cases decide what a role may do there."""


def navigation(roles: frozenset[Role], path: str, language: Language) -> tuple[Link, ...]:
    """Return the places for a person with these roles."""
    return tuple(
        Link(href, tell(language, _WORDS[href]), path == href or path.startswith(f"{href}/"))
        for href, open_to in OPEN_TO.items()
        if roles & open_to
    )


def first_page(roles: frozenset[Role]) -> str:
    """Return the page that a person begins with."""
    return next((href for href, open_to in OPEN_TO.items() if roles & open_to), "/neighbours")
