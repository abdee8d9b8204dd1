"""Acknowledge answers, list what was not acknowledged, and compare days."""
