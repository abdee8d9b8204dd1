"""Tests: ops console."""
