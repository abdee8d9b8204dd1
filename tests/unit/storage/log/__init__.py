"""Tests: storage log."""
