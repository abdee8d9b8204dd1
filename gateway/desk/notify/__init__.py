"""Tell people that work waits for them, by mail and webhook; never what it is about."""
