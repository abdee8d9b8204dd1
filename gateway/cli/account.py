"""Under which account a command runs."""

from __future__ import annotations

import os

from gateway.ops.uses import account_name


def account() -> str:
    """The account as the operating system names it, and who became it by `sudo`."""
    name = account_name(os.getuid())
    before = os.environ.get("SUDO_USER", "")
    return f"{name} (sudo: {before})" if before.isprintable() and 0 < len(before) <= 64 else name
