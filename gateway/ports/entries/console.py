"""The kinds of entries that the console writes to the operations log; `ports.entries.events` lists them, too."""

from __future__ import annotations

from gateway.ports.entries.forms import operations as _operations

# fmt: off
SIGNED_IN = _operations(
    "signed-in", "A person signed in at the console: a session begins. Durable before the first page is shown.",
    "officer", "role", "office", "agency", "token", "way", "device", "session",
)
SIGNED_OUT = _operations(
    "signed-out", "A session of the console was ended by its person, or because it may not go on (`code`).",
    "officer", "session", "code",
)
# fmt: on
