"""Tests: audit retention."""
