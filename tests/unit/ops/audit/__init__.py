"""Tests: ops audit."""
