"""Tests: audit verify."""
