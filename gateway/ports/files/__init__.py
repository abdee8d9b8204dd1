"""The files of notices, and where they are sealed."""
