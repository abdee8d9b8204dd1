"""Show people their work, threads and copies, and let them take and assign work."""
