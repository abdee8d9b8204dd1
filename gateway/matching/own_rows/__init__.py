"""A country's own rows of the tables: what they may be, and which row decided about two names."""
