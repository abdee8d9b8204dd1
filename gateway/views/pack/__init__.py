"""Show the figures of a month: as a page for a meeting, as CSV, as JSON."""
