"""Store sessions of people at the console, in SQL."""
