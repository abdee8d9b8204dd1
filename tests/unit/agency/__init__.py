"""Tests: agency."""
