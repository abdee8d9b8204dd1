"""Tests: records identifiers."""
