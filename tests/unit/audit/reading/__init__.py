"""Tests: audit reading."""
