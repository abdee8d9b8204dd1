"""Tests: storage documents."""
