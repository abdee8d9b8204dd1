"""Tests: exchange asking."""
