"""Draft a mapping from an agency's own tables, columns and values."""
