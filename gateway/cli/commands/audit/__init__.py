"""Define the commands of `liaison audit`."""
