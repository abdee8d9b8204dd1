"""Tests: exchange sources."""
