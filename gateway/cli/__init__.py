"""The `liaison` command. A subcommand's module, with its heavy imports, is loaded only when the command is called."""

from gateway.cli.main import main

__all__ = ["main"]
