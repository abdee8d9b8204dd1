"""Tests: audit entries."""
