"""Define the entries of the logs: their bytes, their kinds, and the members of their private parts."""
