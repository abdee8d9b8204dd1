"""Tests: audit export."""
