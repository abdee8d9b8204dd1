"""The `liaison` command. Each subcommand is a module that is imported when it is called, and heavy parts in it."""

from gateway.cli.main import main

__all__ = ["main"]
