"""Tests: storage database."""
