"""Tests: bridges."""
