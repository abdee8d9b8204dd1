"""Define the commands of `liaison policy`."""
