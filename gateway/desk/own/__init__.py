"""Hold what the kinds share that have a thread of their own at home: acts, and telling."""
