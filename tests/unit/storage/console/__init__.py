"""Tests: storage console."""
