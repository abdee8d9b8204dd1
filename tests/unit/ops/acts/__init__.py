"""Tests: ops acts."""
