"""Define the commands for agency systems and their data: adapter, index, source, schema, match, check."""
