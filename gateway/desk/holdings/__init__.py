"""Keep the account of a holding: each copy of a record that a counterpart has, and what became of it."""
