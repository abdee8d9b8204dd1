"""Tests: audit search."""
