"""Store the rows of a log: entries, claims, erasures and prunings."""
