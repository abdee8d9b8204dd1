"""Acknowledge answers, list those without an acknowledgement, and compare days."""
