"""Tests: ops removals."""
