"""Adapters answer typed queries from agency systems, by a mapping instead of code (design, section 8)."""
