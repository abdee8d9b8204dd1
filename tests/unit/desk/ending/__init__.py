"""Tests: the ends of threads."""
