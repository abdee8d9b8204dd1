"""Tell of the desk in words and lines."""
