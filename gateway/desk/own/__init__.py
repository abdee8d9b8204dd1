"""Hold what the kinds share that have a thread of their own at home: how the threads with counterparts follow it."""
