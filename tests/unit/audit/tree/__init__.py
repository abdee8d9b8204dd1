"""Tests: audit tree."""
