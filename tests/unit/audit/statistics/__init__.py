"""Tests: audit statistics."""
