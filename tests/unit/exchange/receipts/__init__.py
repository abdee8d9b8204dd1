"""Tests: exchange receipts."""
