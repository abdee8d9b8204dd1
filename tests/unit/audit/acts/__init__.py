"""Tests: audit acts."""
