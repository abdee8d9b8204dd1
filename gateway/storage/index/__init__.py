"""Store a key index in one file, sealed in place."""
