"""Tests: audit log."""
