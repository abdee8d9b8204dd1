"""Tell of the members of the federation in words and lines."""
