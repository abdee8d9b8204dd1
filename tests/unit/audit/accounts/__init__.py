"""Tests: audit accounts."""
