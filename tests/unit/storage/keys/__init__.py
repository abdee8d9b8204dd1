"""Tests: storage keys."""
