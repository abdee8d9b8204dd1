"""Measure what users do not run: `history`, `finding`, `questions`, and this tree against another."""
