"""Import a subcommand only when it is called, so that `--help` and each command load only what they need."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from copy import copy
from functools import wraps
from typing import Any

import click

from gateway.errors import Misused

_PACKAGE = "gateway.cli.commands"


class LazyGroup(click.Group):
    """A group with a table of its subcommands: the name, the module below `gateway.cli.commands`, the short help."""

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a subcommand and return the command of that name, which may be among its `COMMANDS`."""
        del ctx
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"{_PACKAGE}.{self.table[cmd_name][0]}")
        values = (*vars(module).values(), *getattr(module, "COMMANDS", ()))
        commands = (value for value in values if isinstance(value, click.Command))
        command = copy(next(command for command in commands if command.name == cmd_name))
        if command.callback is not None:
            command.callback = _with_usage(command.callback)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with. Raises `NoSuchCommand`, which names the nearest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.table, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table, without importing any module that it names."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help) for name, (_, short_help) in self.table.items()])


def _with_usage(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return the callback with `Misused` turned into a usage error, which shows the command's own usage line."""

    @wraps(callback)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return callback(*arguments, **options)
        except Misused as error:
            raise click.UsageError(error.message) from error

    return call
