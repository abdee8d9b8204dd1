"""Tests: ops policy."""
