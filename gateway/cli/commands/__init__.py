"""One module for each subcommand of `liaison`."""
