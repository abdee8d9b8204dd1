"""The commands that `docs/install.md` gives, as they are there: each block has a name in a comment before it."""

from __future__ import annotations

import re
import shlex
from typing import Final

from tests.support.shared import PROJECT

PAGE: Final = (PROJECT / "docs" / "install.md").read_text(encoding="utf-8")
BLOCKS: Final = dict(re.findall(r"<!-- run: ([a-z-]+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))
FIREWALL: Final = "".join(re.findall(r"```nft\n(.*?)```", PAGE, re.DOTALL))


def packages() -> list[str]:
    """Return what the page has Debian install."""
    return [word for word in shlex.split(BLOCKS["packages"])[2:] if word[0].isalpha()]
