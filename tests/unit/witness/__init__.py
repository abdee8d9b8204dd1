"""Tests: witness."""
